"""The two stacks of a T5: blocks whose halves are normalised before, and a norm at the end."""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras

from models.t5.attention import T5Attention, kernel
from models.t5.config import T5Config
from models.t5.relative_positions import RelativePositions


class RMSNorm(keras.layers.Layer):
    """Divides by the root mean square over the last axis; a gain, no offset, no mean.

    Call inputs: `[..., hidden]`.
    Output: shape and dtype of the inputs.

    Source: Zhang and Sennrich 2019 (arXiv 1910.07467).
    """

    def __init__(self, epsilon: float, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, input_shape):  # noqa: D102
        self.gamma = self.add_weight("gamma", shape=input_shape[-1:], initializer="ones")
        super().build(input_shape)

    def call(self, inputs):  # noqa: D102
        values = tf.cast(inputs, tf.float32)
        mean_square = tf.reduce_mean(tf.square(values), -1, keepdims=True)
        normalised = values * tf.math.rsqrt(mean_square + self.epsilon)
        return tf.cast(normalised * tf.cast(self.gamma, tf.float32), inputs.dtype)


class GatedFeedForward(keras.layers.Layer):
    """`(gelu(x gate) * (x up)) down`, the tanh form of GELU.

    Source: Shazeer 2020 (arXiv 2002.05202), GEGLU.
    """

    def __init__(self, config: T5Config, **kwargs):
        super().__init__(**kwargs)
        self.gate = kernel(config.intermediate_dim, "gate_proj")
        self.up = kernel(config.intermediate_dim, "up_proj")
        self.down = kernel(config.hidden_dim, "down_proj")

    def call(self, inputs):  # noqa: D102
        return self.down(tf.nn.gelu(self.gate(inputs), approximate=True) * self.up(inputs))


class T5Block(keras.layers.Layer):
    """Self-attention, in the decoder attention to the encoder, and the feed-forward layer.

    Each is of the normalised input, and added to it.

    Call inputs: `hidden_states` `[batch, seq_len, hidden]`; `attended` and `bias` of the
    self-attention, as of `T5Attention`; in the decoder `encoded` `[batch, encoder_len, hidden]` and
    bool `encoded_attended`.
    Output: `[batch, seq_len, hidden]`.
    """

    def __init__(self, config: T5Config, is_decoder: bool, **kwargs):
        super().__init__(**kwargs)
        epsilon = config.layer_norm_epsilon
        self.attention_norm = RMSNorm(epsilon, name="attention_norm")
        self.attention = T5Attention(config, name="attention")
        self.is_decoder = is_decoder
        if is_decoder:
            self.cross_attention_norm = RMSNorm(epsilon, name="cross_attention_norm")
            self.cross_attention = T5Attention(config, name="cross_attention")
        self.feed_forward_norm = RMSNorm(epsilon, name="feed_forward_norm")
        self.feed_forward = GatedFeedForward(config, name="feed_forward")

    def call(  # noqa: D102
        self, hidden_states, attended, bias, encoded=None, encoded_attended=None
    ):
        normalised = self.attention_norm(hidden_states)
        hidden_states += self.attention(normalised, normalised, attended, bias)
        if self.is_decoder:
            normalised = self.cross_attention_norm(hidden_states)
            hidden_states += self.cross_attention(normalised, encoded, encoded_attended)
        return hidden_states + self.feed_forward(self.feed_forward_norm(hidden_states))


class T5Stack(keras.layers.Layer):
    """The encoder, or the decoder.

    Call inputs: `inputs` `[batch, seq_len, hidden]`, embeddings; `input_mask`, int32
    `[batch, seq_len]`, 0 on padding, or None in the decoder, where padding comes last and no token
    attends to what comes after it; in the decoder also `encoded` and its mask `encoded_mask`.
    Output: `[batch, seq_len, hidden]`, normalised.

    Args:
      config: the sizes.
      is_decoder: whether tokens attend to those before them alone, and to the encoder.
    """

    def __init__(self, config: T5Config, is_decoder: bool, **kwargs):
        super().__init__(**kwargs)
        self.is_decoder = is_decoder
        self.relative_positions = RelativePositions(config, is_decoder, name="relative_positions")
        number = config.num_decoder_layers if is_decoder else config.num_layers
        self.blocks = [T5Block(config, is_decoder, name=f"layer_{i}") for i in range(number)]
        self.final_norm = RMSNorm(config.layer_norm_epsilon, name="final_norm")

    def call(self, inputs, input_mask=None, encoded=None, encoded_mask=None):  # noqa: D102
        seq_len = tf.shape(inputs)[1]
        bias = self.relative_positions(seq_len, seq_len)
        attended = _causal(seq_len) if self.is_decoder else _real(input_mask)
        cross = (encoded, _real(encoded_mask)) if self.is_decoder else ()
        hidden_states = inputs
        for block in self.blocks:
            hidden_states = block(hidden_states, attended, bias, *cross)
        return self.final_norm(hidden_states)


def _real(mask):
    return (mask > 0)[:, tf.newaxis, tf.newaxis, :]


def _causal(seq_len):
    positions = tf.range(seq_len)
    return (positions[:, tf.newaxis] >= positions)[tf.newaxis, tf.newaxis]
