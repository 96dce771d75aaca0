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
    """

    def __init__(self, **kwargs):
        # Keras would round a float32 input to the compute dtype; these functions take either.
        super().__init__(autocast=False, **kwargs)

    def build(self, input_shape):  # noqa: D102
        self.gamma, self.beta = (
            self.add_weight(
                name, shape=input_shape[-1:], initializer=start, experimental_autocast=False
            )
            for name, start in (("gamma", "ones"), ("beta", "zeros"))
        )
        super().build(input_shape)

    def call(self, inputs):  # noqa: D102
        return norms.layer_norm(inputs, *self._gain_and_offset())

    def _gain_and_offset(self):
        return tf.convert_to_tensor(self.gamma), tf.convert_to_tensor(self.beta)


class ResidualNorm(LayerNorm):
    """The layer norm at the end of both halves of a transformer block.

    Call inputs: those of `norms.residual_norm` but gamma and beta.
    Output: shape and dtype of the product.
    """

    def call(self, product, bias, residual, key, rate):  # noqa: D102
        return norms.residual_norm(
            product, tf.convert_to_tensor(bias), residual, *self._gain_and_offset(), key, rate
        )


class EmbeddingNorm(LayerNorm):
    """The layer norm of the embeddings.

    Call inputs: those of `norms.embedding_norm` but gamma, beta and the dtype.
    Output: `[batch, seq_len, hidden]`, in the compute dtype.
    """

    def call(self, words, positions, segments, key, rate):  # noqa: D102
        tables = (words, positions, segments)
        return norms.embedding_norm(
            *tables, *self._gain_and_offset(), key, rate, tf.as_dtype(self.compute_dtype)
        )
