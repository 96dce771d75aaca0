"""The masked-LM head: gather, transform, decode with the tied embedding table."""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras

from models.bert_config import BertConfig
from models.fused.activation import bias_gelu
from models.fused.rows import gather_rows
from models.layer_norm import LayerNorm
from models.projection import Projection
from models.transformer_block import truncated_normal


class MaskedLMHead(keras.layers.Layer):
    """Predicts the word pieces at the masked positions only.

    15% of the positions are predicted, and the decoder is the largest matrix product of a small
    BERT, so gathering before it saves most of its cost.

    Call inputs: `sequence_output` `[batch, seq_len, hidden]`; int32 `masked_lm_positions`
    `[batch, num_predictions]`; `word_embeddings` `[vocab, hidden]`, the table of `BertEmbeddings`.
    Output: logits `[batch, num_predictions, vocab]`, in the compute dtype.

    Source: Devlin et al. 2019, section 3.1, task 1.
    """

    def __init__(self, config: BertConfig, **kwargs):
        super().__init__(**kwargs)
        self.vocab_size = config.vocab_size
        self.gelu_form = config.gelu_form
        self.transform = Projection(config.hidden_dim, truncated_normal(config), name="transform")
        self.layer_norm = LayerNorm(config.layer_norm_epsilon, name="layer_norm")

    def build(self, input_shape):  # noqa: D102
        self.output_bias = self.add_weight(
            "output_bias", shape=(self.vocab_size,), initializer="zeros"
        )
        super().build(input_shape)

    def call(self, sequence_output, masked_lm_positions, word_embeddings):  # noqa: D102
        product = self.transform(_gathered(sequence_output, masked_lm_positions))
        bias = tf.convert_to_tensor(self.transform.bias)
        transformed = self.layer_norm(bias_gelu(product, bias, self.gelu_form))
        table = tf.cast(word_embeddings, transformed.dtype)
        # Rank 2: a product of rank 3 with a matrix is one for every row of the batch.
        logits = tf.matmul(transformed, table, transpose_b=True)
        logits = tf.nn.bias_add(logits, tf.cast(self.output_bias, logits.dtype))
        shape = masked_lm_positions.shape
        return tf.ensure_shape(
            tf.reshape(logits, [*tf.unstack(tf.shape(masked_lm_positions)), self.vocab_size]),
            [*shape, self.vocab_size],
        )


def _gathered(sequence_output, positions):
    """Returns `[batch * num_predictions, hidden]`."""
    batch, seq_len, hidden = tf.unstack(tf.shape(sequence_output))
    rows = tf.reshape(sequence_output, [batch * seq_len, hidden])
    return gather_rows(rows, tf.reshape(positions + seq_len * tf.range(batch)[:, None], [-1]))
