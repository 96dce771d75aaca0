"""What attention adds for the distance between two tokens: one number a head and range."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
import tf_keras as keras

from models.t5.config import T5Config


def bucket_of_distance(num_buckets: int, max_distance: int) -> np.ndarray:
    """Returns the bucket of each distance 0, 1, ..., `max_distance`, int32.

    Half of the buckets are one distance each. The others are ranges whose ends grow by a constant
    factor up to `max_distance`; all that is farther is in the last.

    Example: 8 buckets up to a distance of 16 give 0 1 2 3 4 4 5 5 6 6 6 6 7 7 7 7 7.

    Source: Raffel et al. 2020, section 2.1, and the code released with it.
    """
    exact = num_buckets // 2
    ranges = num_buckets - exact
    begins = exact * (max_distance / exact) ** (np.arange(ranges) / ranges)
    # A begin that is a whole number may come out a rounding above it.
    begins = np.ceil(np.round(begins, 9))
    distances = np.arange(max_distance + 1)
    logarithmic = exact - 1 + (distances[:, None] >= begins).sum(axis=1)
    return np.where(distances < exact, distances, logarithmic).astype(np.int32)


def relative_buckets(
    num_queries: tf.Tensor | int,
    num_keys: tf.Tensor | int,
    *,
    is_causal: bool,
    num_buckets: int,
    max_distance: int,
) -> tf.Tensor:
    """Returns the bucket of each query and key, int32 `[num_queries, num_keys]`.

    Of a causal stack all buckets are for keys before the query, and a key after it, which is not
    attended to, is in bucket 0. Otherwise the second half of the buckets is for keys after it.
    """
    distances = tf.range(num_keys)[tf.newaxis, :] - tf.range(num_queries)[:, tf.newaxis]
    if is_causal:
        table = bucket_of_distance(num_buckets, max_distance)
        return tf.gather(table, tf.clip_by_value(-distances, 0, max_distance))
    table = bucket_of_distance(num_buckets // 2, max_distance)
    near = tf.gather(table, tf.minimum(tf.abs(distances), max_distance))
    return near + tf.where(distances > 0, num_buckets // 2, 0)


class RelativePositions(keras.layers.Layer):
    """The bias of attention that all blocks of a stack add to their scores.

    Call inputs: the number of queries and of keys.
    Output: `[1, heads, num_queries, num_keys]`.

    Args:
      config: the sizes.
      is_causal: whether the stack is the decoder.
    """

    def __init__(self, config: T5Config, is_causal: bool, **kwargs):
        super().__init__(**kwargs)
        self.is_causal = is_causal
        self.config = config

    def build(self, input_shape):  # noqa: D102
        config = self.config
        self.embeddings = self.add_weight(
            "embeddings",
            shape=(config.num_buckets, config.num_heads),
            initializer=keras.initializers.RandomNormal(stddev=config.hidden_dim**-0.5),
        )
        super().build(input_shape)

    def call(self, num_queries, num_keys):  # noqa: D102
        buckets = relative_buckets(
            num_queries,
            num_keys,
            is_causal=self.is_causal,
            num_buckets=self.config.num_buckets,
            max_distance=self.config.max_distance,
        )
        # Columns of the table: heads first.
        by_head = tf.gather(tf.transpose(self.embeddings), buckets, axis=1)
        return tf.cast(by_head, self.compute_dtype)[tf.newaxis]
