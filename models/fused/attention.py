"""What stands between the matrix products of self-attention.

Source: Vaswani et al. 2017, section 3.2.
"""

from __future__ import annotations

import tensorflow as tf

from models.fused.compilation import call
from models.fused.dropout import dropped


def split_heads(product: tf.Tensor, bias: tf.Tensor, num_heads: int) -> tf.Tensor:
    """Adds the bias of a projection and gives every head its columns.

    Args:
      product: `[batch, seq_len, hidden]`, of any float dtype.
      bias: float32 `[hidden]`.
      num_heads: a divisor of hidden.

    Returns:
      `[batch, heads, seq_len, hidden / heads]` in the dtype of the product.
    """

    @tf.custom_gradient
    def run(product, bias):
        return call(_split_heads, product, bias, num_heads=num_heads), lambda gradient: call(
            _split_heads_gradients, gradient
        )

    return run(product, bias)


def attention_weights(scores, input_mask, key, rate: float) -> tf.Tensor:
    """`dropout(softmax(scores / sqrt(head_dim)))` over the tokens of the query's own sequence.

    Args:
      scores: `[batch, heads, num_queries, seq_len]`, queries by keys, of any float dtype, scaled;
        the queries are the first tokens of the row, or all.
      input_mask: int32 `[batch, seq_len]`, the number of each token's sequence, 0 on padding.
      key: uint32 `[2]`, of the dropout.
      rate: of the dropout, in [0, 1).

    Returns:
      Shape and dtype of the scores; exactly 0 for a key of another sequence, and everywhere for a
      query that is padding.
    """

    @tf.custom_gradient
    def run(scores, input_mask, key):
        weights, largest, total = call(_weights, scores, input_mask, key, rate=rate)

        def backward(gradient):
            arguments = (scores, input_mask, key, largest, total, gradient)
            return call(_score_gradients, *arguments, rate=rate), None, None

        return weights, backward

    return run(scores, input_mask, key)


def _split_heads(product, bias, *, num_heads):
    batch, seq_len, hidden = tf.unstack(tf.shape(product))
    shape = [batch, seq_len, num_heads, hidden // num_heads]
    biased = tf.cast(product, tf.float32) + bias
    return tf.cast(tf.transpose(tf.reshape(biased, shape), [0, 2, 1, 3]), product.dtype)


def _split_heads_gradients(gradient):
    batch, num_heads, seq_len, head_dim = tf.unstack(tf.shape(gradient))
    of_product = tf.reshape(
        tf.transpose(gradient, [0, 2, 1, 3]), [batch, seq_len, num_heads * head_dim]
    )
    of_bias = tf.reduce_sum(tf.cast(gradient, tf.float32), [0, 2])
    return of_product, tf.reshape(of_bias, [-1])


def _attended(input_mask, scores):
    """Returns bool `[batch, 1, num_queries, seq_len]`: whether a query attends to a key."""
    num_queries = scores.shape[2] or tf.shape(scores)[2]
    queries, keys = input_mask[:, None, :num_queries, None], input_mask[:, None, None, :]
    return (queries == keys) & (keys > 0)


def _weights(scores, input_mask, key, *, rate):
    scores32, attended = tf.cast(scores, tf.float32), _attended(input_mask, scores)
    largest = tf.reduce_max(tf.where(attended, scores32, scores32.dtype.min), -1, keepdims=True)
    powers = _powers(scores32, attended, largest)
    # The largest of them is 1; of a query that is padding, all are 0.
    total = tf.maximum(tf.reduce_sum(powers, -1, keepdims=True), 1.0)
    return tf.cast(dropped(powers / total, key, rate), scores.dtype), largest, total


def _score_gradients(scores, input_mask, key, largest, total, gradient, *, rate):
    powers = _powers(tf.cast(scores, tf.float32), _attended(input_mask, scores), largest)
    weights = powers / total
    of_weights = dropped(tf.cast(gradient, tf.float32), key, rate)
    along = tf.reduce_sum(weights * of_weights, -1, keepdims=True)
    return tf.cast(weights * (of_weights - along), scores.dtype)


def _powers(scores, attended, largest):
    # Chosen before the exponential, so that nothing is infinite where a query is padding: the
    # converter to ONNX multiplies by 0 and 1 where a choice is meant.
    return tf.exp(tf.where(attended, scores - largest, scores.dtype.min))
