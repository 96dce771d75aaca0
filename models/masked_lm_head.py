"""The masked-LM head: gather, transform, decode with the tied embedding table."""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras

from models.bert_config import BertConfig
from models.transformer_block import gelu, layer_norm, truncated_normal


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
        self.transform = keras.layers.Dense(
            config.hidden_dim,
            activation=gelu,
            kernel_initializer=truncated_normal(config),
            name="transform",
        )
        self.layer_norm = layer_norm("layer_norm")

    def build(self, input_shape):  # noqa: D102
        self.output_bias = self.add_weight(
            "output_bias", shape=(self.vocab_size,), initializer="zeros"
        )
        super().build(input_shape)

    def call(self, sequence_output, masked_lm_positions, word_embeddings):  # noqa: D102
        gathered = tf.gather(sequence_output, masked_lm_positions, batch_dims=1)
        transformed = self.layer_norm(self.transform(gathered))
        table = tf.cast(word_embeddings, transformed.dtype)
        return tf.einsum("bph,vh->bpv", transformed, table) + tf.cast(
            self.output_bias, transformed.dtype
        )
