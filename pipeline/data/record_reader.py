"""Records of every kind that `mnemosyne prepare` makes -> what a BERT is trained on.

| made with | a record | what is done here |
| --- | --- | --- |
| `--masking static` | is masked | nothing |
| `--masking dynamic` | is text | it is masked anew in every epoch |
| `--objective mlm` | has no second segment | its next-sentence weight is 0 |
| `--bins LENGTHS` | is as long as its shard says | one length is read, `prepare.max_seq_length` |
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping

import tensorflow as tf

from data_prep import features as records
from data_prep.settings import MaskingRules, RecordSettings
from data_prep.wordpiece import load_vocabulary
from pipeline.data import dynamic_masking


@dataclasses.dataclass(frozen=True)
class RecordReader:
    """Reads batches of one kind of record.

    Attributes:
      max_seq_length: tokens per record.
      max_predictions_per_seq: predictions per record.
      has_pairs: whether a record has a second segment and a label for it.
      masking: how to mask, or None where records are masked.
    """

    max_seq_length: int
    max_predictions_per_seq: int
    has_pairs: bool = True
    masking: MaskingRules | None = None

    def describe(self) -> str:
        """Returns in words what is read."""
        if self.masking is None:
            return f"records of {self.max_seq_length} tokens"
        unit = "whole words" if self.masking.do_whole_word_mask else "tokens"
        return (
            f"records of {self.max_seq_length} tokens, masked in training: {unit}, "
            f"{self.masking.masked_lm_prob:.0%}, at most {self.max_predictions_per_seq}"
        )

    def read(
        self, serialized: tf.Tensor, *, seed: tf.Tensor, num_rows: int, first_row: int = 0
    ) -> dict:
        """Parses a batch, and masks it where that is left to the trainer.

        Args:
          serialized: string `[batch]`.
          seed: integers `[2]`; with a row's index in the batch it decides the masks.
          num_rows: most rows of a batch; a batch that ends early has the same masks so far.
          first_row: index of the first of these rows in the batch of all workers.

        Returns:
          The features that `models.losses.metric_sums` describes.
        """
        batch = records.parse_examples(
            serialized,
            max_seq_length=self.max_seq_length,
            max_predictions_per_seq=self.max_predictions_per_seq,
            masking="dynamic" if self.masking else "static",
        )
        if self.masking:
            draws = dynamic_masking.random_draws(
                seed, num_rows=num_rows, seq_len=self.max_seq_length
            )
            draws = draws[first_row : first_row + tf.shape(serialized)[0]]
            draws.set_shape([serialized.shape[0], *draws.shape[1:]])
            batch = dynamic_masking.mask_batch(batch, draws, self.masking)
        labels = batch["next_sentence_labels"]
        weight = 1.0 if self.has_pairs else 0.0
        batch["next_sentence_weights"] = tf.fill(tf.shape(labels), weight)
        batch["next_sentence_weights"].set_shape(labels.shape)
        return batch


def make_reader(
    prepare: RecordSettings, settings: Mapping, data_dir: str | os.PathLike
) -> RecordReader:
    """Returns the reader for records made with the manifest's `settings`.

    The recipe decides how to mask: unmasked records do not say.

    Raises:
      FileNotFoundError, ValueError: `vocab.txt` is needed for masking and is not a vocabulary.
    """
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
    )
