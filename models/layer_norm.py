"""The layer norms of BERT: what each adds up before it normalises, and where it drops out."""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras

from models.fused import norms


class LayerNorm(keras.layers.Layer):
    """A layer norm over the last axis, with BERT's epsilon.

    Call inputs: `[..., hidden]`.
    Output: shape and dtype of the inputs.

    `gamma` and `beta`, both `[hidden]`, stay float32 regardless of the policy.

    Args:
      epsilon: added to the variance.
    """

    def __init__(self, epsilon: float = norms.LAYER_NORM_EPSILON, **kwargs):
        # Keras would round a float32 input to the compute dtype; these functions take either.
        super().__init__(autocast=False, **kwargs)
        self.epsilon = epsilon

    def build(self, input_shape):  # noqa: D102
        self.gamma, self.beta = (
            self.add_weight(
                name, shape=input_shape[-1:], initializer=start, experimental_autocast=False
            )
            for name, start in (("gamma", "ones"), ("beta", "zeros"))
        )
        super().build(input_shape)

    def call(self, inputs):  # noqa: D102
        return norms.layer_norm(inputs, *self._gain_and_offset(), self.epsilon)

    def _gain_and_offset(self):
        return tf.convert_to_tensor(self.gamma), tf.convert_to_tensor(self.beta)


class ResidualNorm(LayerNorm):
    """The layer norm at the end of both halves of a transformer block.

    Call inputs: those of `norms.residual_norm` but gamma, beta and epsilon.
    Output: shape and dtype of the product.
    """

    def call(self, product, bias, residual, key, rate):  # noqa: D102
        tensors = (product, tf.convert_to_tensor(bias), residual, *self._gain_and_offset())
        return norms.residual_norm(*tensors, key, rate, self.epsilon)


class EmbeddingNorm(LayerNorm):
    """The layer norm of the embeddings.

    Call inputs: those of `norms.embedding_norm` but gamma, beta, the dtype and epsilon.
    Output: `[batch, seq_len, hidden]`, in the compute dtype.
    """

    def call(self, words, positions, segments, key, rate):  # noqa: D102
        tensors = (words, positions, segments, *self._gain_and_offset())
        dtype = tf.as_dtype(self.compute_dtype)
        return norms.embedding_norm(*tensors, key, rate, dtype, self.epsilon)
