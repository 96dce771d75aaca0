"""Multi-head attention as T5 has it: no biases, no scale of the scores."""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras

from models.t5.config import T5Config


def kernel(units: int, name: str, *, scale: float = 1.0) -> keras.layers.Dense:
    """A matrix product without a bias, drawn so that it keeps the variance of its input.

    Args:
      units: the width of the output.
      name: of the layer.
      scale: of the variance.
    """
    initializer = keras.initializers.VarianceScaling(scale, "fan_in", "untruncated_normal")
    return keras.layers.Dense(units, use_bias=False, kernel_initializer=initializer, name=name)


class T5Attention(keras.layers.Layer):
    """Attention of one sequence to itself or to another.

    Call inputs: `queries` `[batch, num_queries, hidden]`; `keys` `[batch, num_keys, hidden]`, of
    the same width; `attended`, bool, broadcast to `[batch, heads, num_queries, num_keys]`, of which
    every query has at least one; and the bias of relative positions, `[1, heads, num_queries,
    num_keys]`, or None.
    Output: `[batch, num_queries, hidden]`.

    Args:
      config: the sizes.

    Source: Raffel et al. 2020, section 2.1; the initializer of queries makes up for 1 / sqrt(width
    of a head).
    """

    def __init__(self, config: T5Config, **kwargs):
        super().__init__(**kwargs)
        self.num_heads, self.head_dim = config.num_heads, config.head_dim
        width = config.num_heads * config.head_dim
        self.query = kernel(width, "query", scale=1.0 / config.head_dim)
        self.key, self.value = kernel(width, "key"), kernel(width, "value")
        self.output_dense = kernel(config.hidden_dim, "output")

    def call(self, queries, keys, attended, bias=None):  # noqa: D102
        query, key, value = (
            self._heads(layer(inputs))
            for layer, inputs in ((self.query, queries), (self.key, keys), (self.value, keys))
        )
        scores = tf.cast(tf.matmul(query, key, transpose_b=True), tf.float32)
        if bias is not None:
            scores += tf.cast(bias, tf.float32)
        weights = tf.nn.softmax(tf.where(attended, scores, scores.dtype.min))
        context = tf.matmul(tf.cast(weights, value.dtype), value)
        context = tf.transpose(context, [0, 2, 1, 3])
        width = self.num_heads * self.head_dim
        joined = tf.reshape(context, [tf.shape(context)[0], tf.shape(context)[1], width])
        return self.output_dense(joined)

    def _heads(self, product):
        shape = [tf.shape(product)[0], tf.shape(product)[1], self.num_heads, self.head_dim]
        return tf.transpose(tf.reshape(product, shape), [0, 2, 1, 3])
