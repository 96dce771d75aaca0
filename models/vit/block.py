"""One block of a vision transformer: a layer norm stands before each half, a gain may end it."""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras

from models.fused.activation import bias_gelu
from models.fused.residual import residual_sum
from models.layer_norm import LayerNorm
from models.projection import Projection
from models.seeded_dropout import SeededDropout
from models.transformer_block import SelfAttention, truncated_normal
from models.vit.config import ViTConfig


class ResidualSum(keras.layers.Layer):
    """The end of both halves of a block: bias, dropout, the gain of a layer scale, the residual.

    Call inputs: those of `residual_sum` but the gain.
    Output: shape and dtype of the product.

    With a layer scale there is `gamma` `[hidden]`, float32 regardless of the policy.

    Args:
      layer_scale: the initial value of the gain, or None for none.
    """

    def __init__(self, layer_scale: float | None, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.layer_scale = layer_scale

    def build(self, input_shape):  # noqa: D102
        self.gamma = None
        if self.layer_scale is not None:
            self.gamma = self.add_weight(
                "gamma",
                shape=input_shape[-1:],
                initializer=keras.initializers.Constant(self.layer_scale),
                experimental_autocast=False,
            )
        super().build(input_shape)

    def call(self, product, bias, residual, key, rate):  # noqa: D102
        gain = None if self.gamma is None else tf.convert_to_tensor(self.gamma)
        return residual_sum(product, tf.convert_to_tensor(bias), gain, residual, key, rate)


class PreNormBlock(keras.layers.Layer):
    """Self-attention and a feed-forward layer, each of the normalised input, added to it.

    Call inputs: `hidden_states` `[batch, tokens, hidden]`; `training` and `dropout_seed` as in
    `ViTEncoder`.
    Output: `[batch, tokens, hidden]`.

    Args:
      config: the sizes and the dropouts.
      first_site: the first of three dropout sites (`SeededDropout`): attention weights, attention
        output, feed-forward output.

    Source: Dosovitskiy et al. 2021, equations 2 and 3; Touvron et al. 2021 (arXiv 2103.17239).
    """

    def __init__(self, config: ViTConfig, first_site: int, **kwargs):
        super().__init__(**kwargs)
        epsilon = config.layer_norm_epsilon
        self.gelu_form = config.gelu_form
        self.attention_norm = LayerNorm(epsilon, name="attention_layer_norm")
        self.attention = SelfAttention(config, first_site, name="attention")
        self.attention_dropout = SeededDropout(config.dropout, first_site + 1)
        self.attention_sum = ResidualSum(config.layer_scale, name="attention_layer_scale")
        self.output_norm = LayerNorm(epsilon, name="output_layer_norm")
        self.intermediate = Projection(
            config.intermediate_dim, truncated_normal(config), name="intermediate"
        )
        self.output_dense = Projection(config.hidden_dim, truncated_normal(config), name="output")
        self.output_dropout = SeededDropout(config.dropout, first_site + 2)
        self.output_sum = ResidualSum(config.layer_scale, name="output_layer_scale")

    def call(self, hidden_states, training=False, dropout_seed=None):  # noqa: D102
        # Images have no padding: every token attends to every other.
        mask = tf.ones(tf.shape(hidden_states)[:2], tf.int32)
        mask = tf.ensure_shape(mask, hidden_states.shape[:2])
        normalised = self.attention_norm(hidden_states)
        attended = self.attention(normalised, mask, training=training, dropout_seed=dropout_seed)
        hidden_states = self.attention_sum(
            attended,
            self.attention.output_dense.bias,
            hidden_states,
            *self.attention_dropout.key_and_rate(training, dropout_seed),
        )
        widened = self.intermediate(self.output_norm(hidden_states))
        bias = tf.convert_to_tensor(self.intermediate.bias)
        return self.output_sum(
            self.output_dense(bias_gelu(widened, bias, self.gelu_form)),
            self.output_dense.bias,
            hidden_states,
            *self.output_dropout.key_and_rate(training, dropout_seed),
        )
