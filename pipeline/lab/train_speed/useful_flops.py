"""Floating-point operations that training a BERT on one sequence cannot do without."""

from __future__ import annotations

from models import BertConfig


def of_a_sequence(config: BertConfig, *, seq_len: int, predictions: int) -> int:
    """Returns those of matrix products, forward and backward: 6 a weight and token.

    The masked-LM head works on the predicted positions alone. Pooler and next-sentence head, one
    position each, are left out, as are all elementwise operations.

    Source: Kaplan et al. 2020, section 2.1, table 1.
    """
    hidden = config.hidden_dim
    block = 4 * hidden**2 + 2 * hidden * config.intermediate_dim
    head = hidden**2 + hidden * config.vocab_size
    attention = 2 * seq_len * hidden  # scores and context, a product each, per token
    return 6 * (seq_len * config.num_layers * (block + attention) + predictions * head)
