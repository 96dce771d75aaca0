"""Floating-point operations of a training step of BERT, by formula."""

from __future__ import annotations

from models import BertConfig

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
