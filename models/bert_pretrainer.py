"""BERT with its two pre-training heads."""

from __future__ import annotations

import tf_keras as keras

from models.bert_config import BertConfig
from models.bert_encoder import BertEncoder
from models.masked_lm_head import MaskedLMHead
from models.transformer_block import truncated_normal


class BertPretrainer(keras.Model):
    """Encoder, masked-LM head and next-sentence head.

    Call inputs: parsed records, a mapping with the entries that `BertEncoder` reads and int32
    `masked_lm_positions` `[batch, num_predictions]`, indices into the row; `training` and
    `dropout_seed` as in `BertEncoder`.
    Outputs: a dict with float32 `masked_lm_logits` `[batch, num_predictions, vocab]` and
    `next_sentence_logits` `[batch, 2]`, whose class 1 means "random next sentence"; of packed rows,
    `[batch, max_sequences, 2]`.

    Args:
      config: the sizes.
      recompute: as in `BertEncoder`.

    Source: Devlin et al. 2019, section 3.1.
    """

    def __init__(self, config: BertConfig, recompute: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.encoder = BertEncoder(config, recompute, name="encoder")
        self.masked_lm_head = MaskedLMHead(config, name="masked_lm_head")
        self.next_sentence_head = keras.layers.Dense(
            2, kernel_initializer=truncated_normal(config), name="next_sentence_head"
        )
        # Losses are computed in float32, regardless of the policy of the layers.
        self._to_float32 = keras.layers.Activation("linear", dtype="float32")

    def call(self, features, training=False, dropout_seed=None):  # noqa: D102
        sequence_output, pooled_output = self.encoder(
            features, training=training, dropout_seed=dropout_seed
        )
        masked_lm_logits = self.masked_lm_head(
            sequence_output,
            features["masked_lm_positions"],
            self.encoder.embeddings.word_embeddings,
        )
        return {
            "masked_lm_logits": self._to_float32(masked_lm_logits),
            "next_sentence_logits": self._to_float32(self.next_sentence_head(pooled_output)),
        }
