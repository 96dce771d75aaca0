"""Rows of a table, with a gradient that is summed in float32."""

from __future__ import annotations

import tensorflow as tf


def gather_rows(table: tf.Tensor, indices: tf.Tensor) -> tf.Tensor:
    """Returns `table[indices]`.

    The gradient is dense and summed in float32: a table row may be read hundreds of times in a
    batch, and a bfloat16 sum of ones stops at 256.

    Args:
      table: `[rows, hidden]`, of any float dtype.
      indices: int32, of any shape.

    Returns:
      The shape of the indices with hidden at its end, in the dtype of the table.
    """

    @tf.custom_gradient
    def run(table, indices):
        def backward(gradient):
            sums = tf.math.unsorted_segment_sum(
                tf.cast(gradient, tf.float32), indices, tf.shape(table)[0]
            )
            return tf.cast(sums, table.dtype), None

        return tf.gather(table, indices), backward

    return run(table, indices)
