"""Joins parsed records into rows: padding goes, what is left is cut anew.

A row of two sequences, `[CLS] a b [SEP]` and `[CLS] c [SEP]`, in 9 positions:

    input_ids               2 10 11  3  2 12  3  0  0
    input_mask              1  1  1  1  2  2  2  0  0    k marks the k-th sequence
    position_ids            0  1  2  3  0  1  2  0  0    start again in each sequence
    next_sentence_positions 0  4                         of each sequence's [CLS]
"""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from pipeline.data.packing import RowLimits

_TOKEN_FEATURES = ("input_ids", "segment_ids", "word_starts")


def join_rows(
    features: Mapping[str, tf.Tensor],
    is_taken: tf.Tensor,
    limits: RowLimits,
    *,
    next_sentence_weight: float,
) -> dict[str, tf.Tensor]:
    """Puts records into rows.

    Args:
      features: parsed records, int32 `[num_records, seq_len]` and `[num_records,
        num_predictions]`, row by row; masked records or unmasked ones.
      is_taken: bool `[batch, max_sequences]`, which places of a row hold a record, the first ones.
      limits: of a row.
      next_sentence_weight: of each sequence.

    Returns:
      int32 `input_ids`, `segment_ids`, `input_mask`, `position_ids` `[batch, max_tokens]`, of
      unmasked records also `word_starts`; of masked ones int32 `masked_lm_positions`,
      `masked_lm_ids` and float32 `masked_lm_weights` `[batch, max_predictions]`; int32
      `next_sentence_positions`, `next_sentence_labels` and float32 `next_sentence_weights`
      `[batch, max_sequences]`.

    Raises:
      tf.errors.InvalidArgumentError: a row exceeds its limits.
    """
    is_real = features["input_mask"] == 1
    counts = tf.reduce_sum(features["input_mask"], axis=1)
    places = tf.where(is_taken)  # [num_records, (row, sequence)]
    counts_in_row = _scattered(places, counts, is_taken)
    starts = tf.cumsum(counts_in_row, axis=1, exclusive=True)
    tokens = {name: features[name] for name in _TOKEN_FEATURES if name in features}
    flat = {name: tf.boolean_mask(values, is_real) for name, values in tokens.items()}
    flat["input_mask"] = tf.repeat(tf.cast(places[:, 1], tf.int32) + 1, counts)
    flat["position_ids"] = tf.ragged.range(counts).flat_values
    tokens_in_row = tf.reduce_sum(counts_in_row, axis=1)
    batch = {
        name: _cut(values, tokens_in_row, limits.max_tokens, "tokens")
        for name, values in flat.items()
    }
    if "masked_lm_weights" in features:
        offsets = tf.gather_nd(starts, places)
        batch |= _joined_predictions(features, offsets, places[:, 0], is_taken, limits)
    labels = _scattered(places, features["next_sentence_labels"], is_taken)
    batch["next_sentence_labels"] = labels
    batch["next_sentence_positions"] = tf.where(is_taken, starts, 0)
    batch["next_sentence_weights"] = tf.cast(is_taken, tf.float32) * next_sentence_weight
    return batch


def _joined_predictions(
    features: Mapping[str, tf.Tensor],
    offsets: tf.Tensor,
    row: tf.Tensor,
    is_taken: tf.Tensor,
    limits: RowLimits,
) -> dict[str, tf.Tensor]:
    is_real = features["masked_lm_weights"] > 0
    counts = tf.reduce_sum(tf.cast(is_real, tf.int32), axis=1)
    num_rows = tf.shape(is_taken, tf.int64)[0]
    counts_in_row = tf.math.unsorted_segment_sum(counts, row, num_rows)
    counts_in_row = tf.ensure_shape(counts_in_row, is_taken.shape[:1])
    moved = {
        "masked_lm_positions": features["masked_lm_positions"] + offsets[:, tf.newaxis],
        "masked_lm_ids": features["masked_lm_ids"],
        "masked_lm_weights": features["masked_lm_weights"],
    }
    return {
        name: _cut(
            tf.boolean_mask(values, is_real), counts_in_row, limits.max_predictions, "predictions"
        )
        for name, values in moved.items()
    }


def _scattered(places: tf.Tensor, values: tf.Tensor, is_taken: tf.Tensor) -> tf.Tensor:
    """Returns one value for each place of a row, 0 where it is free: `[batch, max_sequences]`."""
    scattered = tf.scatter_nd(places, values, tf.shape(is_taken, tf.int64))
    return tf.ensure_shape(scattered, is_taken.shape)


def _cut(flat: tf.Tensor, lengths: tf.Tensor, width: int, what: str) -> tf.Tensor:
    """Cuts what stands behind each other into rows of these lengths, `[batch, width]`."""
    check = tf.Assert(
        tf.reduce_all(lengths <= width), [f"Expected rows of at most {width} {what}", lengths]
    )
    with tf.control_dependencies([check] if check is not None else []):
        rows = tf.RaggedTensor.from_row_lengths(flat, lengths, validate=False)
        return rows.to_tensor(shape=[lengths.shape[0], width])
