"""A bias and GELU, after a matrix product."""

from __future__ import annotations

import tensorflow as tf

from models.fused.compilation import call, float32_rows

_SQRT_2_OVER_PI = 0.7978845608028654
_CUBIC = 0.044715


def bias_gelu(product: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """`gelu(product + bias)`, in the tanh form with which Google's checkpoints were trained.

    Written without a power: on a CPU, XLA's general power costs more than the matrix product before
    it.

    Args:
      product: `[..., width]`, of any float dtype.
      bias: float32 `[width]`.

    Returns:
      Shape and dtype of the product.

    Source: Hendrycks and Gimpel 2016, section 2.
    """

    @tf.custom_gradient
    def run(product, bias):
        return call(_bias_gelu, product, bias), lambda gradient: call(
            _bias_gelu_gradients, product, bias, gradient
        )

    return run(product, bias)


def _bias_gelu(product, bias):
    inputs = tf.cast(product, tf.float32) + bias
    return tf.cast(0.5 * inputs * (1.0 + _tanh_of(inputs)), product.dtype)


def _bias_gelu_gradients(product, bias, gradient):
    inputs = float32_rows(product) + bias
    tanh = _tanh_of(inputs)
    inner_slope = _SQRT_2_OVER_PI * (1.0 + 3.0 * _CUBIC * inputs * inputs)
    slope = 0.5 * (1.0 + tanh) + 0.5 * inputs * (1.0 - tanh * tanh) * inner_slope
    of_inputs = float32_rows(gradient) * slope
    of_product = tf.cast(tf.reshape(of_inputs, tf.shape(product)), product.dtype)
    return of_product, tf.reduce_sum(of_inputs, 0)


def _tanh_of(inputs):
    return tf.tanh(_SQRT_2_OVER_PI * inputs * (1.0 + _CUBIC * inputs * inputs))
