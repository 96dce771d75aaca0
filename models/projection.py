"""A dense layer whose bias is left to what follows it."""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras

# A result this narrow takes oneDNN up to 1.4 times as long as its transpose, where the matrix that
# is transposed is wider (4,096 tokens, AVX-512, oneDNN of TensorFlow 2.21); at 768 both are equal.
_NARROW = 512


class Projection(keras.layers.Layer):
    """Multiplies by `kernel`; holds the `bias` that the next function adds (`models.fused`).

    Call inputs: `[..., inputs]`.
    Output: `[..., units]`, without the bias, in the compute dtype.

    The bias stays float32 regardless of the policy.

    Args:
      units: the width of the output.
      kernel_initializer: of the kernel; the bias begins at zero.
    """

    def __init__(self, units: int, kernel_initializer, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.kernel_initializer = kernel_initializer

    def build(self, input_shape):  # noqa: D102
        self.kernel = self.add_weight(
            "kernel", shape=(input_shape[-1], self.units), initializer=self.kernel_initializer
        )
        self.bias = self.add_weight(
            "bias", shape=(self.units,), initializer="zeros", experimental_autocast=False
        )
        super().build(input_shape)

    def call(self, inputs):  # noqa: D102
        # One product of two matrices: a product of rank 3 would be one for every row of the batch.
        rows = tf.reshape(inputs, [-1, inputs.shape[-1]])
        shape = tf.concat([tf.shape(inputs)[:-1], [self.units]], 0)
        product = tf.reshape(_product(rows, tf.convert_to_tensor(self.kernel)), shape)
        return tf.ensure_shape(product, [*inputs.shape[:-1], self.units])


@tf.custom_gradient
def _product(rows, kernel):
    def backward(gradient):
        return tf.matmul(gradient, kernel, transpose_b=True), _kernel_gradient(rows, gradient)

    return tf.matmul(rows, kernel), backward


def _kernel_gradient(rows, gradient):
    """Returns `rows^T gradient`, `[inputs, units]`."""
    inputs, units = rows.shape[-1], gradient.shape[-1]
    if units < inputs and units <= _NARROW:
        return tf.transpose(tf.matmul(gradient, rows, transpose_a=True))
    return tf.matmul(rows, gradient, transpose_a=True)
