"""BERT with a sentence or sentence-pair head, for GLUE."""

from __future__ import annotations

import tf_keras as keras

from models.bert_config import BertConfig
from models.bert_encoder import BertEncoder
from models.seeded_dropout import SeededDropout
from models.transformer_block import truncated_normal


class BertClassifier(keras.Model):
    """The encoder, dropout, and one dense layer on the pooled output.

    Call inputs: those of `BertEncoder`.
    Output: float32 logits `[batch, num_outputs]`; one output is the score of a regression.

    Args:
      config: the sizes of the encoder.
      num_outputs: the number of classes, or 1 for a regression.

    Source: Devlin et al. 2019, section 4.1.
    """

    def __init__(self, config: BertConfig, num_outputs: int, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.encoder = BertEncoder(config, name="encoder")
        self.dropout = SeededDropout(config.dropout, self.encoder.next_dropout_site())
        self.head = keras.layers.Dense(
            num_outputs, kernel_initializer=truncated_normal(config), name="head", dtype="float32"
        )

    def call(self, features, training=False, dropout_seed=None):  # noqa: D102
        _, pooled_output = self.encoder(
            features, training=training, dropout_seed=dropout_seed, pooled_only=True
        )
        pooled_output = self.dropout(pooled_output, training=training, seed=dropout_seed)
        return self.head(pooled_output)
