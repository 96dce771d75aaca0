"""Records of every kind that `mnemosyne prepare` makes -> what a BERT is trained on.

| made with | a record | what is done here |
| --- | --- | --- |
| `--masking static` | is masked | nothing |
| `--masking dynamic` | is text | it is masked anew in every epoch |
| `--objective mlm` | has no second segment | its next-sentence weight is 0 |
| `--bins LENGTHS` | is as long as its shard says | one length is read, with `train.packing` all |

With `train.packing` a row of the batch holds several records: see `pipeline.data.packed_batch`.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping

import tensorflow as tf

from data_prep.settings import MaskingRules, RecordSettings
from data_prep.wordpiece import load_vocabulary
from pipeline.data import dynamic_masking
from pipeline.data.packed_batch import join_rows
from pipeline.data.packing import RowLimits
from pipeline.data.record_parsing import parse_records


@dataclasses.dataclass(frozen=True)
class RecordReader:
    """Reads batches of one kind of record.

    Attributes:
      max_seq_length: positions of a row.
      max_predictions_per_seq: predictions per record.
      has_pairs: whether a record has a second segment and a label for it.
      masking: how to mask, or None where records are masked.
      record_lengths: positions of a record, increasing, the last of them `max_seq_length`.
      limits: what a row of several records has room for; None where a row is one record.
    """

    max_seq_length: int
    max_predictions_per_seq: int
    has_pairs: bool = True
    masking: MaskingRules | None = None
    record_lengths: tuple[int, ...] = ()
    limits: RowLimits | None = None

    labels = ("masked_lm_ids", "masked_lm_weights")  # features to predict, and their weights

    def __post_init__(self) -> None:
        if not self.record_lengths:
            object.__setattr__(self, "record_lengths", (self.max_seq_length,))

    def describe(self) -> str:
        """Returns in words what is read."""
        *shorter, longest = map(str, self.record_lengths)
        lengths = f"{', '.join(shorter)} and {longest}" if shorter else longest
        words = f"records of {lengths} tokens"
        if self.limits:
            words += (
                f", packed into rows of {self.max_seq_length} (sequences: at most "
                f"{self.limits.max_sequences}, predictions: at most {self.limits.max_predictions})"
            )
        if self.masking is None:
            return words
        unit = "whole words" if self.masking.do_whole_word_mask else "tokens"
        return (
            f"{words}, masked in training: {unit}, {self.masking.masked_lm_prob:.0%}, at most "
            f"{self.masking.max_predictions_per_seq}"
        )

    def read(
        self,
        serialized: tf.Tensor,
        *,
        seed: tf.Tensor,
        num_rows: int,
        first_row: int = 0,
        masked_fraction: tf.Tensor | None = None,
    ) -> dict:
        """Parses a batch, and masks it where that is left to the trainer.

        Args:
          serialized: string `[batch]`, or of packed rows `[batch, max_sequences]`, empty where a
            row has no more records.
          seed: integers `[2]`; with a row's index in the batch it decides the masks.
          num_rows: most rows of a batch; a batch that ends early has the same masks so far.
          first_row: index of the first of these rows in the batch of all workers.
          masked_fraction: of the tokens to predict, float64 `[]`; None is that of `masking`.

        Returns:
          The features that `models.losses.metric_sums` describes; of packed rows those of
          `packed_batch.join_rows`.
        """
        is_packed = serialized.shape.rank == 2
        batch = self._packed(serialized) if is_packed else self._single(serialized)
        if not self.masking:
            return batch
        draws = dynamic_masking.random_draws(seed, num_rows=num_rows, seq_len=self.max_seq_length)
        draws = draws[first_row : first_row + tf.shape(serialized)[0]]
        draws.set_shape([serialized.shape[0], *draws.shape[1:]])
        return dynamic_masking.mask_batch(
            batch,
            draws,
            self.masking,
            fraction=masked_fraction,
            max_sequences=self.limits.max_sequences if is_packed else 1,
            num_predictions=self.limits.max_predictions if is_packed else None,
        )

    def _single(self, serialized: tf.Tensor) -> dict:
        batch = self._parsed(serialized)
        labels = batch["next_sentence_labels"]
        batch["next_sentence_weights"] = tf.fill(tf.shape(labels), self._next_sentence_weight)
        batch["next_sentence_weights"].set_shape(labels.shape)
        return batch

    def _packed(self, serialized: tf.Tensor) -> dict:
        is_taken = serialized != ""
        return join_rows(
            self._parsed(tf.boolean_mask(serialized, is_taken)),
            is_taken,
            self.limits,
            next_sentence_weight=self._next_sentence_weight,
        )

    def _parsed(self, serialized: tf.Tensor) -> dict:
        return parse_records(
            serialized,
            lengths=self.record_lengths,
            max_predictions_per_seq=self.max_predictions_per_seq,
            masking="dynamic" if self.masking else "static",
        )

    @property
    def _next_sentence_weight(self) -> float:
        return 1.0 if self.has_pairs else 0.0


def make_reader(
    prepare: RecordSettings,
    settings: Mapping,
    data_dir: str | os.PathLike,
    *,
    record_lengths: tuple[int, ...] = (),
    limits: RowLimits | None = None,
) -> RecordReader:
    """Returns the reader for records made with the manifest's `settings`.

    The recipe decides how to mask: unmasked records do not say. `record_lengths` and `limits` are
    those of `RecordReader`.

    Raises:
      FileNotFoundError, ValueError: `vocab.txt` is needed for masking and is not a vocabulary.
    """
    check_objective(settings, data_dir)
    masking = None
    if settings.get("masking") == "dynamic":
        vocab = load_vocabulary(os.path.join(data_dir, "vocab.txt"))
        masking = MaskingRules(
            masked_lm_prob=prepare.masked_lm_prob,
            max_predictions_per_seq=prepare.max_predictions_per_seq,
            do_whole_word_mask=prepare.do_whole_word_mask,
            cls_id=vocab.index("[CLS]"),
            sep_id=vocab.index("[SEP]"),
            mask_id=vocab.index("[MASK]"),
            vocab_size=len(vocab),
        )
    return RecordReader(
        max_seq_length=prepare.max_seq_length,
        max_predictions_per_seq=prepare.max_predictions_per_seq,
        has_pairs=settings.get("objective") != "mlm",
        masking=masking,
        record_lengths=record_lengths,
        limits=limits,
    )


def check_objective(settings: Mapping, data_dir: str | os.PathLike) -> None:
    """Raises ValueError for records that are not of masked LM."""
    if settings.get("objective") == "span_corruption":
        raise ValueError(
            f"{os.fspath(data_dir)}: expected records of masked LM, received those of a T5 "
            "(--objective span_corruption). Prepare others for BERT, or train a T5 on them: "
            "`mnemosyne recipe` lists recipes t5_*."
        )
