"""The BERT encoder: embeddings, transformer blocks, pooler."""

from __future__ import annotations

import functools

import tensorflow as tf
import tf_keras as keras

from models.bert_config import BertConfig
from models.fused.rows import gather_rows
from models.layer_norm import EmbeddingNorm
from models.seeded_dropout import SeededDropout, drawn_seed
from models.transformer_block import TransformerBlock, truncated_normal

_SITES_PER_BLOCK = 3


class BertEmbeddings(keras.layers.Layer):
    """The sum of word, position and segment embeddings, its layer norm, and dropout.

    Call inputs: int32 `input_ids` and `segment_ids`, both `[batch, seq_len]`; `position_ids` of the
    same shape, or None for 0, 1, 2, ...; `training` and `dropout_seed` as in `BertEncoder`.
    Output: `[batch, seq_len, hidden]`.

    The variable `word_embeddings` `[vocab, hidden]` is public: the masked-LM head decodes with it.

    Raises:
      ValueError: the sequence is longer than `max_position_embeddings`.

    Source: Devlin et al. 2019, section 3, figure 2.
    """

    def __init__(self, config: BertConfig, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.layer_norm = EmbeddingNorm(config.layer_norm_epsilon, name="layer_norm")
        self.dropout = SeededDropout(config.dropout, site=0)

    def build(self, input_shape):  # noqa: D102
        config = self.config
        self.word_embeddings, self.position_embeddings, self.segment_embeddings = (
            self.add_weight(
                name,
                shape=(rows, config.hidden_dim),
                initializer=truncated_normal(config),
                experimental_autocast=False,
            )
            for name, rows in (
                ("word_embeddings", config.vocab_size),
                ("position_embeddings", config.max_position_embeddings),
                ("segment_embeddings", config.type_vocab_size),
            )
        )
        super().build(input_shape)

    def call(  # noqa: D102
        self, input_ids, segment_ids, position_ids=None, training=False, dropout_seed=None
    ):
        seq_len = input_ids.shape[1]
        if seq_len is not None and seq_len > self.config.max_position_embeddings:
            raise ValueError(
                f"Sequences may have at most max_position_embeddings="
                f"{self.config.max_position_embeddings} tokens, received {seq_len}. Prepare "
                "shorter records or raise max_position_embeddings."
            )
        words, positions, segments = (
            tf.convert_to_tensor(table)
            for table in (self.word_embeddings, self.position_embeddings, self.segment_embeddings)
        )
        if position_ids is None:
            positions = positions[: tf.shape(input_ids)[1]]
        else:
            positions = gather_rows(positions, position_ids)
        return self.layer_norm(
            gather_rows(words, input_ids),
            positions,
            # With two segments the gradient of a one-hot product is cheaper than that of a gather.
            tf.einsum("bst,th->bsh", tf.one_hot(segment_ids, len(segments)), segments),
            *self.dropout.key_and_rate(training, dropout_seed),
        )


class BertEncoder(keras.layers.Layer):
    """Embeddings, `num_layers` transformer blocks and a pooler.

    Call inputs: a mapping with int32 `input_ids`, `input_mask` and `segment_ids`, each
    `[batch, seq_len]`, and two optional entries below; further ones are ignored. `training` turns
    dropout on; `dropout_seed`, int32 `[2]`, or None to draw from the global generator.
    `pooled_only` leaves out of the last block what the pooled output does not depend on, five
    sixths of its matrix products.
    Outputs: `sequence_output` `[batch, seq_len, hidden]`, with `pooled_only` its first position
    alone; and `pooled_output` `[batch, hidden]`, a dense layer with tanh on the first position.
    Padding does not affect the real positions.

    A row may hold several sequences, packed one after another: in `input_mask`, 0 is padding and
    k = 1, 2, ... marks the tokens of the k-th sequence, which attend to each other only. Then
    `position_ids`, int32 `[batch, seq_len]`, count from 0 in every sequence, and
    `next_sentence_positions`, int32 `[batch, max_sequences]`, say where each sequence begins;
    `pooled_output` is `[batch, max_sequences, hidden]`, of those positions. Every sequence gets the
    outputs that it gets in a row of its own.

    Args:
      config: the sizes.
      recompute: whether the backward pass computes every block again from its input instead of
        keeping what is between; the numbers are the same. A third more computation, and of each
        block only `[batch, seq_len, hidden]` is kept.

    Source: Devlin et al. 2019, section 3; packing: Krell et al. 2021, section 3.2; recomputing:
    Chen et al. 2016, section 4.1.
    """

    def __init__(self, config: BertConfig, recompute: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.recompute = recompute
        self.embeddings = BertEmbeddings(config, name="embeddings")
        self.blocks = [
            TransformerBlock(config, first_site=1 + _SITES_PER_BLOCK * i, name=f"layer_{i}")
            for i in range(config.num_layers)
        ]
        self.pooler = keras.layers.Dense(
            config.hidden_dim,
            activation="tanh",
            kernel_initializer=truncated_normal(config),
            name="pooler",
        )

    def call(  # noqa: D102
        self, features, training=False, dropout_seed=None, pooled_only=False
    ):
        if training and dropout_seed is None:
            # Drawn here and not in each dropout, because a block may run twice (`recompute`).
            dropout_seed = drawn_seed()
        hidden_states = self.embeddings(
            features["input_ids"],
            features["segment_ids"],
            features.get("position_ids"),
            training=training,
            dropout_seed=dropout_seed,
        )
        # Of packed rows the pooled output is of other positions, too.
        is_packed = features.get("next_sentence_positions") is not None
        for block in self.blocks:
            is_pooled = pooled_only and not is_packed and block is self.blocks[-1]
            run = functools.partial(
                block,
                input_mask=features["input_mask"],
                num_queries=1 if is_pooled else None,
                training=training,
                dropout_seed=dropout_seed,
            )
            if training and self.recompute and block.built:
                run = tf.recompute_grad(run)
            hidden_states = run(hidden_states)
        return hidden_states, self.pooler(_first_tokens(hidden_states, features))

    def next_dropout_site(self) -> int:
        """Returns the first dropout site (`SeededDropout`) that the encoder leaves free."""
        return 1 + _SITES_PER_BLOCK * self.config.num_layers


def _first_tokens(hidden_states, features):
    positions = features.get("next_sentence_positions")
    if positions is None:
        return hidden_states[:, 0]
    return tf.gather(hidden_states, positions, batch_dims=1)
