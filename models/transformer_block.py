"""One transformer block: self-attention and a feed-forward layer, each followed by a layer norm."""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras

from models.bert_config import BertConfig
from models.seeded_dropout import SeededDropout

LAYER_NORM_EPSILON = 1e-12
# Added to the score of a position that is not attended to: its softmax weight becomes exactly 0.
# Google's value; it fits float16.
_MASKED_SCORE = -10000.0


def truncated_normal(config: BertConfig) -> keras.initializers.Initializer:
    """Returns BERT's initializer of kernels and embeddings, cut off at two standard deviations."""
    return keras.initializers.TruncatedNormal(stddev=config.initializer_range)


def layer_norm(name: str) -> keras.layers.LayerNormalization:
    """Returns a layer norm with BERT's epsilon (the Keras default is 1e-3)."""
    return keras.layers.LayerNormalization(epsilon=LAYER_NORM_EPSILON, name=name)


def gelu(inputs: tf.Tensor) -> tf.Tensor:
    """The tanh approximation of GELU, with which Google's checkpoints were trained.

    Written without a power: on a CPU, XLA's general power costs more than the matrix product before
    it.

    Args:
      inputs: float, of any shape.

    Returns:
      Shape and dtype of the inputs.

    Source: Hendrycks and Gimpel 2016, section 2.
    """
    inner = 0.7978845608028654 * inputs * (1.0 + 0.044715 * inputs * inputs)  # sqrt(2 / pi)
    return 0.5 * inputs * (1.0 + tf.tanh(inner))


class SelfAttention(keras.layers.Layer):
    """Multi-head self-attention without the residual.

    Call inputs: `hidden_states` `[batch, seq_len, hidden]`; `input_mask`, int32 `[batch, seq_len]`,
    the number of each token's sequence, 0 on padding; `training` and `dropout_seed` as in
    `BertEncoder`.
    Output: `[batch, seq_len, hidden]`. A token attends to the tokens of its own sequence, none to
    padding; what padding positions hold is finite and means nothing.

    Args:
      config: the sizes and the attention dropout.
      site: the dropout site of the attention weights (`SeededDropout`).

    Source: Vaswani et al. 2017, section 3.2.
    """

    def __init__(self, config: BertConfig, site: int, **kwargs):
        super().__init__(**kwargs)
        self.num_heads = config.num_heads
        self.head_dim = config.hidden_dim // config.num_heads
        self.query, self.key, self.value, self.output_dense = (
            keras.layers.Dense(
                config.hidden_dim, kernel_initializer=truncated_normal(config), name=name
            )
            for name in ("query", "key", "value", "output")
        )
        self.dropout = SeededDropout(config.attention_dropout, site, name="dropout")

    def call(self, hidden_states, input_mask, training=False, dropout_seed=None):  # noqa: D102
        query, key, value = (
            self._split_heads(dense(hidden_states)) for dense in (self.query, self.key, self.value)
        )
        scores = tf.einsum("bqhd,bkhd->bhqk", query, key) * self.head_dim**-0.5
        weights = tf.nn.softmax(scores + _MASKED_SCORE * _others(input_mask, scores.dtype))
        weights = self.dropout(weights, training=training, seed=dropout_seed)
        context = tf.einsum("bhqk,bkhd->bqhd", weights, value)
        return self.output_dense(tf.reshape(context, tf.shape(hidden_states)))

    def _split_heads(self, projected):
        shape = tf.shape(projected)
        return tf.reshape(projected, [shape[0], shape[1], self.num_heads, self.head_dim])


def _others(input_mask: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """Returns `[batch, 1, seq_len, seq_len]`: 0 where a query attends to a key, otherwise 1."""
    queries, keys = input_mask[:, None, :, None], input_mask[:, None, None, :]
    return 1.0 - tf.cast((queries == keys) & (keys > 0), dtype)


class TransformerBlock(keras.layers.Layer):
    """BERT's encoder block: the layer norm follows the residual sum.

    Call inputs and output are those of `SelfAttention`.

    Args:
      config: the sizes and the dropouts.
      first_site: the first of three dropout sites (`SeededDropout`): attention weights, attention
        output, feed-forward output.

    Source: Devlin et al. 2019, section 3; Vaswani et al. 2017, section 3.1.
    """

    def __init__(self, config: BertConfig, first_site: int, **kwargs):
        super().__init__(**kwargs)
        self.attention = SelfAttention(config, first_site, name="attention")
        self.attention_dropout = SeededDropout(config.dropout, first_site + 1)
        self.attention_norm = layer_norm("attention_layer_norm")
        self.intermediate = keras.layers.Dense(
            config.intermediate_dim,
            kernel_initializer=truncated_normal(config),
            name="intermediate",
        )
        self.output_dense = keras.layers.Dense(
            config.hidden_dim, kernel_initializer=truncated_normal(config), name="output"
        )
        self.output_dropout = SeededDropout(config.dropout, first_site + 2)
        self.output_norm = layer_norm("output_layer_norm")

    def call(self, hidden_states, input_mask, training=False, dropout_seed=None):  # noqa: D102
        attended = self.attention(
            hidden_states, input_mask, training=training, dropout_seed=dropout_seed
        )
        attended = self.attention_dropout(attended, training=training, seed=dropout_seed)
        hidden_states = self.attention_norm(hidden_states + attended)
        transformed = self.output_dense(gelu(self.intermediate(hidden_states)))
        transformed = self.output_dropout(transformed, training=training, seed=dropout_seed)
        return self.output_norm(hidden_states + transformed)
