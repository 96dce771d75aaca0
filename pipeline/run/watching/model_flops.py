"""Floating-point operations of a training step of BERT and of T5, by formula."""

from __future__ import annotations

from models import BertConfig
from models.t5 import T5Config

# A forward multiply-add is two operations; the backward pass has two products for each forward one.
_PER_MULTIPLY_ADD = 6


def training_flops(config: BertConfig, *, batch: int, seq_len: int, num_predictions: int) -> int:
    """Returns the operations of matrix products in one forward and backward pass over a batch.

    With H the width, I the feed-forward width, L the layers, V the vocabulary, T tokens a row and M
    predictions a row, of each row

        6 * (L * T * (4 H^2 + 2 H I)  +  L * 2 T^2 H  +  M * (H^2 + H V)  +  H^2 + 2 H)
             projections, feed-forward    attention       masked-LM head     pooler, next sentence

    Args:
      config: the model.
      batch: rows, over all replicas.
      seq_len: tokens of a row, padding included, because the device computes it.
      num_predictions: masked positions of a row, empty ones included.

    Example: BERT-mini with 30,522 words, one row of 128 tokens and 20 predictions: 3.563e9.

    Source: Kaplan et al. 2020 (arXiv 2001.08361), section 2.1, six operations per weight and token;
    Chowdhery et al. 2022 (arXiv 2204.02311), appendix B, with the attention.
    Differs: the masked-LM head works on the masked positions alone. What is no matrix product, the
    optimizer and a second forward pass for recomputing count nothing.
    """
    width = config.hidden_dim
    per_token = 4 * width**2 + 2 * width * config.intermediate_dim
    attention = 2 * seq_len**2 * width
    masked_lm = num_predictions * (width**2 + width * config.vocab_size)
    pooled = width**2 + 2 * width
    row = config.num_layers * (seq_len * per_token + attention) + masked_lm + pooled
    return _PER_MULTIPLY_ADD * batch * row


def t5_training_flops(config: T5Config, *, batch: int, seq_len: int, target_len: int) -> int:
    """Returns the operations of matrix products in one forward and backward pass over a batch.

    With H the width, A that of all heads together, I the feed-forward width, V the vocabulary, S
    tokens of an input and T of a target, of each row

        6 * (S * (4 H A + 3 H I) + 2 S^2 A                            a layer of the encoder
             T * (6 H A + 3 H I) + 2 T^2 A + S * 2 H A + 2 T S A      a layer of the decoder
             T * H V)                                                 the head

    Args:
      config: the model.
      batch: rows, over all replicas.
      seq_len: tokens of an input, padding included, because the device computes it.
      target_len: tokens of a target, padding included.

    Example: one layer each, H 2, A 3, I 5, V 7, one row of 4 tokens in and 2 out: 3,552.

    Source: as of `training_flops`.
    """
    width, heads = config.hidden_dim, config.num_heads * config.head_dim
    feed_forward = 3 * width * config.intermediate_dim
    encoder = seq_len * (4 * width * heads + feed_forward) + 2 * seq_len**2 * heads
    own = target_len * (6 * width * heads + feed_forward) + 2 * target_len**2 * heads
    across = seq_len * 2 * width * heads + 2 * target_len * seq_len * heads
    head = target_len * width * config.vocab_size
    row = config.num_layers * encoder + config.num_decoder_layers * (own + across) + head
    return _PER_MULTIPLY_ADD * batch * row
