"""A bias and GELU, after a matrix product."""

from __future__ import annotations

import tensorflow as tf

from models.fused.compilation import call, float32_rows

_SQRT_2_OVER_PI = 0.7978845608028654
_CUBIC = 0.044715
_SQRT_HALF = 0.7071067811865476
_DENSITY_AT_0 = 0.3989422804014327  # 1 / sqrt(2 pi)


def bias_gelu(product: tf.Tensor, bias: tf.Tensor, form: str = "tanh") -> tf.Tensor:
    """`gelu(product + bias)`, x times the normal distribution function of x.

    That function is exact ("erf"), as Hugging Face's checkpoints have it, or approximated ("tanh"),
    as Google's were trained; the two GELUs differ by 4.8e-4 at most, which adds up over the layers.

    Written without a power: on a CPU, XLA's general power costs more than the matrix product before
    it.

    Args:
      product: `[..., width]`, of any float dtype.
      bias: float32 `[width]`.
      form: "erf" or "tanh".

    Returns:
      Shape and dtype of the product.

    Source: Hendrycks and Gimpel 2016, section 2.
    """

    @tf.custom_gradient
    def run(product, bias):
        return call(_bias_gelu, product, bias, form=form), lambda gradient: call(
            _bias_gelu_gradients, product, bias, gradient, form=form
        )

    return run(product, bias)


def _bias_gelu(product, bias, *, form):
    inputs = tf.cast(product, tf.float32) + bias
    distribution = _erf_distribution if form == "erf" else _tanh_distribution
    return tf.cast(inputs * distribution(inputs), product.dtype)


def _bias_gelu_gradients(product, bias, gradient, *, form):
    inputs = float32_rows(product) + bias
    slope = _erf_slope if form == "erf" else _tanh_slope
    of_inputs = float32_rows(gradient) * slope(inputs)
    of_product = tf.cast(tf.reshape(of_inputs, tf.shape(product)), product.dtype)
    return of_product, tf.reduce_sum(of_inputs, 0)


def _erf_distribution(inputs):
    return 0.5 * (1.0 + tf.math.erf(_SQRT_HALF * inputs))


def _erf_slope(inputs):
    density = _DENSITY_AT_0 * tf.exp(-0.5 * inputs * inputs)
    return _erf_distribution(inputs) + inputs * density


def _tanh_distribution(inputs):
    return 0.5 * (1.0 + _tanh_of(inputs))


def _tanh_slope(inputs):
    tanh = _tanh_of(inputs)
    inner_slope = _SQRT_2_OVER_PI * (1.0 + 3.0 * _CUBIC * inputs * inputs)
    return 0.5 * (1.0 + tanh) + 0.5 * inputs * (1.0 - tanh * tanh) * inner_slope


def _tanh_of(inputs):
    return tf.tanh(_SQRT_2_OVER_PI * inputs * (1.0 + _CUBIC * inputs * inputs))
