"""A residual sum, the end of both halves of a block whose layer norms stand before them.

Source: where it stands: Dosovitskiy et al. 2021 (arXiv 2010.11929), equations 2 and 3; the gain:
Touvron et al. 2021 (arXiv 2103.17239), section 2.
"""

from __future__ import annotations

import tensorflow as tf

from models.fused.compilation import call, float32_rows
from models.fused.dropout import dropped


def residual_sum(product, bias, gain, residual, key, rate: float) -> tf.Tensor:
    """`residual + gain * dropout(product + bias)`.

    Without a gain nothing is kept for the backward pass but the key.

    Args:
      product: `[batch, tokens, hidden]`, a matrix product whose bias is still to be added.
      bias: float32 `[hidden]`.
      gain: float32 `[hidden]`, or None for 1.
      residual: shape and dtype of the product.
      key: uint32 `[2]`, of the dropout.
      rate: of the dropout, in [0, 1).

    Returns:
      Shape and dtype of the product.
    """
    if gain is None:
        return _without_gain(product, bias, residual, key, rate)

    @tf.custom_gradient
    def run(product, bias, gain, residual, key):
        def backward(gradient):
            arguments = (product, bias, gain, key, gradient)
            return *call(_gained_gradients, *arguments, rate=rate), gradient, None

        return call(_gained, product, bias, gain, residual, key, rate=rate), backward

    return run(product, bias, gain, residual, key)


def _without_gain(product, bias, residual, key, rate):
    @tf.custom_gradient
    def run(product, bias, residual, key):
        def backward(gradient):
            return *call(_plain_gradients, key, gradient, rate=rate), gradient, None

        return call(_plain, product, bias, residual, key, rate=rate), backward

    return run(product, bias, residual, key)


def _plain(product, bias, residual, key, *, rate):
    added = dropped(float32_rows(product) + bias, key, rate)
    return _like(float32_rows(residual) + added, product)


def _plain_gradients(key, gradient, *, rate):
    of_product = dropped(float32_rows(gradient), key, rate)
    return _like(of_product, gradient), tf.reduce_sum(of_product, 0)


def _gained(product, bias, gain, residual, key, *, rate):
    added = gain * dropped(float32_rows(product) + bias, key, rate)
    return _like(float32_rows(residual) + added, product)


def _gained_gradients(product, bias, gain, key, gradient, *, rate):
    rows = float32_rows(gradient)
    of_gain = tf.reduce_sum(rows * dropped(float32_rows(product) + bias, key, rate), 0)
    of_product = dropped(rows * gain, key, rate)
    return _like(of_product, product), tf.reduce_sum(of_product, 0), of_gain


def _like(rows, tensor):
    return tf.cast(tf.reshape(rows, tf.shape(tensor)), tensor.dtype)
