"""Records of span corruption -> what a T5 is trained on: inputs, targets, and what counts."""

from __future__ import annotations

import dataclasses
import os

import tensorflow as tf

from data_prep import features as records
from data_prep.wordpiece import load_vocabulary
from models.t5.losses import teacher_forced


@dataclasses.dataclass(frozen=True)
class SpanReader:
    """Reads batches of such records; what `RecordReader` is for those of a BERT.

    Attributes:
      max_seq_length: positions of an input.
      target_length: positions of a target.
      end_id: of [SEP], which ends both.
    """

    max_seq_length: int
    target_length: int
    end_id: int

    labels = ("target_ids", "target_weights")  # features to predict, and their weights

    def describe(self) -> str:
        """Returns in words what is read."""
        return (
            f"records of {self.max_seq_length} tokens with spans replaced, targets of at most "
            f"{self.target_length}"
        )

    def read(self, serialized: tf.Tensor, **_) -> dict[str, tf.Tensor]:
        """Parses a batch; the spans are chosen already, so no seed is needed.

        Args:
          serialized: string `[batch]`.

        Returns:
          int32 `input_ids` and `input_mask` `[batch, seq_len]`; int32 `target_ids` and
          `decoder_input_ids` and float32 `target_weights`, `[batch, target_len]`.

        Raises:
          tf.errors.InvalidArgumentError: something is no such record, or of other lengths.
        """
        lengths = {
            "input_ids": self.max_seq_length,
            "input_mask": self.max_seq_length,
            "target_ids": self.target_length,
        }
        parsed = tf.io.parse_example(
            serialized,
            {name: tf.io.FixedLenFeature([size], tf.int64) for name, size in lengths.items()},
        )
        features = {name: tf.cast(values, tf.int32) for name, values in parsed.items()}
        return features | teacher_forced(features["target_ids"], self.end_id)


def make_span_reader(manifest: records.Manifest, data_dir: str, max_seq_length: int) -> SpanReader:
    """Returns the reader of a folder's records of one length of inputs.

    Raises:
      FileNotFoundError: there is no `vocab.txt`.
      ValueError: it is no vocabulary, or does not begin with [PAD], as the answers of a T5 do.
    """
    path = os.path.join(data_dir, "vocab.txt")
    vocab = load_vocabulary(path)
    if vocab[0] != "[PAD]":
        raise ValueError(
            f"{path}: expected [PAD] as entry 0, with which a T5 begins its answer; received "
            f"{vocab[0]}. Learn a vocabulary with `mnemosyne vocab`, and prepare the records with "
            "it."
        )
    return SpanReader(max_seq_length, manifest.statistics["target_length"], vocab.index("[SEP]"))
