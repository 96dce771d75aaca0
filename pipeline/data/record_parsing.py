"""Serialized records of one length, or of several in one batch, to dense features."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from data_prep import features as records

# Features that are equally long in every bin.
_NOT_OF_TOKENS = ("masked_lm", "next_sentence")


def token_counts(serialized: tf.Tensor) -> tf.Tensor:
    """Returns the tokens of each record without its padding, int64 `[batch]`; nothing else is read.

    Args:
      serialized: string `[batch]`.
    """
    feature = tf.io.FixedLenSequenceFeature([], tf.int64, allow_missing=True)
    parsed = tf.io.parse_example(serialized, {"input_mask": feature})
    return tf.reduce_sum(parsed["input_mask"], axis=1)


def parse_records(
    serialized: tf.Tensor,
    *,
    lengths: Sequence[int],
    max_predictions_per_seq: int,
    masking: str,
) -> dict[str, tf.Tensor]:
    """Parses records, those of shorter bins padded to the longest.

    Args:
      serialized: string `[batch]`.
      lengths: positions of a record, increasing; more than one of records in bins.
      max_predictions_per_seq, masking: as for `data_prep.features.parse_examples`.

    Returns:
      What `data_prep.features.parse_examples` returns for records of the last of `lengths`.

    Raises:
      tf.errors.InvalidArgumentError: something is no record of these lengths.
    """
    kind = {"max_predictions_per_seq": max_predictions_per_seq, "masking": masking}
    if len(lengths) == 1:
        return records.parse_examples(serialized, max_seq_length=lengths[0], **kind)
    stored = records.feature_lengths(max_seq_length=lengths[-1], **kind)
    fixed = {name for name in stored if name.startswith(_NOT_OF_TOKENS)}
    parsed = tf.io.parse_example(
        serialized,
        {
            name: tf.io.FixedLenFeature([stored[name]], _dtype(name))
            if name in fixed
            else tf.io.RaggedFeature(_dtype(name), row_splits_dtype=tf.int64)
            for name in stored
        },
    )
    ragged = {name: values for name, values in parsed.items() if name not in fixed}
    with tf.control_dependencies(_length_checks(ragged, lengths)):
        shape = [serialized.shape[0], lengths[-1]]
        dense = {name: tf.cast(ragged[name].to_tensor(shape=shape), tf.int32) for name in ragged}
    dense |= {
        name: tf.cast(parsed[name], tf.float32 if _dtype(name) == tf.float32 else tf.int32)
        for name in fixed
    }
    dense["next_sentence_labels"] = tf.squeeze(dense["next_sentence_labels"], axis=-1)
    return dense


def _length_checks(
    ragged: dict[str, tf.RaggedTensor], lengths: Sequence[int]
) -> list[tf.Operation]:
    """Asserts that all features of a record are equally long, and as long as one of the bins."""
    found = ragged["input_mask"].row_lengths()
    is_known = tf.reduce_any(found[:, tf.newaxis] == tf.constant(lengths, tf.int64), axis=1)
    words = f"Expected records of {', '.join(map(str, lengths))} tokens"
    checks = [tf.Assert(tf.reduce_all(is_known), [f"{words}, received", found])]
    for name, values in ragged.items():
        is_as_long = tf.reduce_all(values.row_lengths() == found)
        checks.append(tf.Assert(is_as_long, [f"Expected {name} as long as input_mask"]))
    return [check for check in checks if check is not None]  # None outside of a graph


def _dtype(name: str) -> tf.DType:
    return tf.float32 if name in records.FLOAT_FEATURES else tf.int64
