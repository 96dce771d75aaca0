"""One transformer block: self-attention and a feed-forward layer, each followed by a layer norm.

A layer here is its matrix products; what stands between two of them is one function of
`models.fused`.
"""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras

from models.bert_config import BertConfig
from models.fused.activation import bias_gelu
from models.fused.attention import attention_weights, split_heads
from models.layer_norm import ResidualNorm
from models.projection import Projection
from models.seeded_dropout import SeededDropout


def truncated_normal(config: BertConfig) -> keras.initializers.Initializer:
    """Returns BERT's initializer of kernels and embeddings, cut off at two standard deviations."""
    return keras.initializers.TruncatedNormal(stddev=config.initializer_range)


class SelfAttention(keras.layers.Layer):
    """Multi-head self-attention without the residual and without the bias of the output.

    Call inputs: `hidden_states` `[batch, seq_len, hidden]`; `input_mask`, int32 `[batch, seq_len]`,
    the number of each token's sequence, 0 on padding; `training` and `dropout_seed` as in
    `BertEncoder`; `num_queries`, how many first tokens of a row to compute, None for all.
    Output: `[batch, num_queries, hidden]`, to which `output_dense.bias` is still to be added. A
    token attends to the tokens of its own sequence, none to padding, and padding to nothing.

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
            Projection(config.hidden_dim, truncated_normal(config), name=name)
            for name in ("query", "key", "value", "output")
        )
        self.dropout = SeededDropout(config.attention_dropout, site, name="dropout")

    def call(  # noqa: D102
        self, hidden_states, input_mask, training=False, dropout_seed=None, num_queries=None
    ):
        queries = first_tokens(hidden_states, num_queries)
        query = self._heads(self.query, queries)
        key, value = (self._heads(layer, hidden_states) for layer in (self.key, self.value))
        scores = tf.matmul(query * self.head_dim**-0.5, key, transpose_b=True)
        dropout = self.dropout.key_and_rate(training, dropout_seed)
        context = tf.matmul(attention_weights(scores, input_mask, *dropout), value)
        joined = tf.reshape(tf.transpose(context, [0, 2, 1, 3]), tf.shape(queries))
        return self.output_dense(tf.ensure_shape(joined, queries.shape))

    def _heads(self, layer, hidden_states):
        product = layer(hidden_states)
        return split_heads(product, tf.convert_to_tensor(layer.bias), self.num_heads)


class TransformerBlock(keras.layers.Layer):
    """BERT's encoder block: the layer norm follows the residual sum.

    Call inputs: those of `SelfAttention`.
    Output: `[batch, num_queries, hidden]`.

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
        self.attention_norm = ResidualNorm(config.layer_norm_epsilon, name="attention_layer_norm")
        self.gelu_form = config.gelu_form
        self.intermediate = Projection(
            config.intermediate_dim, truncated_normal(config), name="intermediate"
        )
        self.output_dense = Projection(config.hidden_dim, truncated_normal(config), name="output")
        self.output_dropout = SeededDropout(config.dropout, first_site + 2)
        self.output_norm = ResidualNorm(config.layer_norm_epsilon, name="output_layer_norm")

    def call(  # noqa: D102
        self, hidden_states, input_mask, training=False, dropout_seed=None, num_queries=None
    ):
        attended = self.attention(
            hidden_states,
            input_mask,
            training=training,
            dropout_seed=dropout_seed,
            num_queries=num_queries,
        )
        hidden_states = self.attention_norm(
            attended,
            self.attention.output_dense.bias,
            first_tokens(hidden_states, num_queries),
            *self.attention_dropout.key_and_rate(training, dropout_seed),
        )
        widened = self.intermediate(hidden_states)
        bias = tf.convert_to_tensor(self.intermediate.bias)
        activated = bias_gelu(widened, bias, self.gelu_form)
        return self.output_norm(
            self.output_dense(activated),
            self.output_dense.bias,
            hidden_states,
            *self.output_dropout.key_and_rate(training, dropout_seed),
        )


def first_tokens(hidden_states: tf.Tensor, number: int | None) -> tf.Tensor:
    """The first tokens of each row; with None, all of them."""
    return hidden_states if number is None else hidden_states[:, :number]
