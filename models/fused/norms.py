"""Layer norm, by itself and with what stands before or after it in BERT.

Source: Ba, Kiros and Hinton 2016, section 3; where it stands: Vaswani et al. 2017, section 3.1.
"""

from __future__ import annotations

import tensorflow as tf

from models.fused.compilation import call, float32_rows
from models.fused.dropout import dropped

LAYER_NORM_EPSILON = 1e-12  # BERT's; the Keras default is 1e-3


def layer_norm(
    inputs: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: float = LAYER_NORM_EPSILON
) -> tf.Tensor:
    """Normalises over the last axis.

    Args:
      inputs: `[..., hidden]`, of any float dtype.
      gamma, beta: float32 `[hidden]`.
      epsilon: added to the variance.

    Returns:
      Shape and dtype of the inputs.
    """

    @tf.custom_gradient
    def run(inputs, gamma, beta):
        outputs, mean, scale = call(_norm, inputs, gamma, beta, epsilon=epsilon)
        return outputs, lambda gradient: call(_norm_gradients, inputs, gamma, mean, scale, gradient)

    return run(inputs, gamma, beta)


def residual_norm(
    product, bias, residual, gamma, beta, key, rate: float, epsilon: float = LAYER_NORM_EPSILON
) -> tf.Tensor:
    """`layer_norm(residual + dropout(product + bias))`, the end of both halves of a block.

    Args:
      product: `[batch, seq_len, hidden]`, a matrix product whose bias is still to be added.
      bias: float32 `[hidden]`.
      residual: shape and dtype of the product.
      gamma, beta: float32 `[hidden]`.
      key: uint32 `[2]`, of the dropout.
      rate: of the dropout, in [0, 1).
      epsilon: added to the variance.

    Returns:
      Shape and dtype of the product.
    """

    @tf.custom_gradient
    def run(product, bias, residual, gamma, beta, key):
        arguments = (product, bias, residual, gamma, key)
        settings = {"rate": rate, "epsilon": epsilon}
        outputs, mean, scale = call(_residual_norm, *arguments, beta, **settings)

        def backward(gradient):
            gradients = call(_residual_norm_gradients, *arguments, mean, scale, gradient, rate=rate)
            return *gradients, None

        return outputs, backward

    return run(product, bias, residual, gamma, beta, key)


def embedding_norm(
    words,
    positions,
    segments,
    gamma,
    beta,
    key,
    rate: float,
    dtype: tf.DType,
    epsilon: float = LAYER_NORM_EPSILON,
) -> tf.Tensor:
    """`dropout(layer_norm(words + positions + segments))`.

    Args:
      words, segments: float32 `[batch, seq_len, hidden]`.
      positions: the same, or `[seq_len, hidden]` for all rows.
      gamma, beta: float32 `[hidden]`.
      key: uint32 `[2]`, of the dropout.
      rate: of the dropout, in [0, 1).
      dtype: of the result.
      epsilon: added to the variance.

    Returns:
      `[batch, seq_len, hidden]`.
    """

    @tf.custom_gradient
    def run(words, positions, segments, gamma, beta, key):
        arguments = (words, positions, segments, gamma, key)
        settings = {"rate": rate, "dtype": dtype, "epsilon": epsilon}
        outputs, mean, scale = call(_embedding_norm, *arguments, beta, **settings)

        def backward(gradient):
            gradients = call(
                _embedding_norm_gradients, *arguments, mean, scale, gradient, rate=rate
            )
            return *gradients, None

        return outputs, backward

    return run(words, positions, segments, gamma, beta, key)


def _norm(inputs, gamma, beta, *, epsilon):
    outputs, mean, scale = _normalised(float32_rows(inputs), gamma, beta, epsilon)
    return _like(outputs, inputs), mean, scale


def _norm_gradients(inputs, gamma, mean, scale, gradient):
    of_inputs, *others = _gradients(
        float32_rows(inputs), gamma, mean, scale, float32_rows(gradient)
    )
    return _like(of_inputs, inputs), *others


def _residual_sum(product, bias, residual, key, rate):
    added = dropped(float32_rows(product) + bias, key, rate)
    return float32_rows(residual) + added


def _residual_norm(product, bias, residual, gamma, key, beta, *, rate, epsilon):
    total = _residual_sum(product, bias, residual, key, rate)
    outputs, mean, scale = _normalised(total, gamma, beta, epsilon)
    return _like(outputs, product), mean, scale


def _residual_norm_gradients(product, bias, residual, gamma, key, mean, scale, gradient, *, rate):
    total = _residual_sum(product, bias, residual, key, rate)
    of_total, *others = _gradients(total, gamma, mean, scale, float32_rows(gradient))
    of_product = dropped(of_total, key, rate)
    of_bias = tf.reduce_sum(of_product, 0)
    return _like(of_product, product), of_bias, _like(of_total, residual), *others


def _embedding_norm(words, positions, segments, gamma, key, beta, *, rate, dtype, epsilon):
    total = float32_rows(words + positions + segments)
    outputs, mean, scale = _normalised(total, gamma, beta, epsilon)
    outputs = tf.cast(dropped(outputs, key, rate), dtype)
    return tf.reshape(outputs, tf.shape(words)), mean, scale


def _embedding_norm_gradients(
    words, positions, segments, gamma, key, mean, scale, gradient, *, rate
):
    total = float32_rows(words + positions + segments)
    gradient = dropped(float32_rows(gradient), key, rate)
    of_total, *others = _gradients(total, gamma, mean, scale, gradient)
    of_words = _like(of_total, words)
    # Of positions that all rows of the batch share, the sum over the batch.
    shared = tf.reshape(of_total, [-1, tf.size(positions)])
    of_positions = tf.reshape(tf.reduce_sum(shared, 0), tf.shape(positions))
    return of_words, of_positions, of_words, *others


def _normalised(total, gamma, beta, epsilon):
    """Returns the layer norm of float32 rows, and their means and 1 / deviations `[rows, 1]`."""
    mean = tf.reduce_mean(total, -1, keepdims=True)
    variance = tf.reduce_mean(tf.square(total - mean), -1, keepdims=True)
    scale = tf.math.rsqrt(variance + epsilon)
    return (total - mean) * scale * gamma + beta, mean, scale


def _gradients(total, gamma, mean, scale, gradient):
    """Returns the gradients of the rows that were normalised, of gamma and of beta, all float32."""
    normalised = (total - mean) * scale
    scaled = gradient * gamma
    along = tf.reduce_mean(scaled * normalised, -1, keepdims=True)
    of_total = scale * (scaled - tf.reduce_mean(scaled, -1, keepdims=True) - normalised * along)
    return of_total, tf.reduce_sum(gradient * normalised, 0), tf.reduce_sum(gradient, 0)


def _like(rows, tensor):
    return tf.cast(tf.reshape(rows, tf.shape(tensor)), tensor.dtype)
