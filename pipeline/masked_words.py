"""Words at the masks of a text: a text with [MASK] to candidates with probabilities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from data_prep.wordpiece import WordpieceTokenizer
from models import BertPretrainer

MASK = "[MASK]"


def masked_tokens(
    text: str, tokenizer: WordpieceTokenizer, max_seq_length: int
) -> tuple[np.ndarray, np.ndarray]:
    """Encodes a text whose masks are written `[MASK]`.

    Returns:
        int32 `[seq_len]` tokens with [CLS] and [SEP], and int `[num_masks]`, where the masks are.

    Raises:
        ValueError: there is no mask, or the text is longer than `max_seq_length`.
    """
    parts = text.split(MASK)
    if len(parts) < 2:
        raise ValueError(f"fill_mask expects a text with {MASK}, received {text[:80]!r}.")
    ids, lengths = tokenizer.tokenize(parts)
    between = np.cumsum(lengths)[:-1]
    tokens = np.insert(ids, between, tokenizer.mask_id)
    tokens = np.array([tokenizer.cls_id, *tokens, tokenizer.sep_id], np.int32)
    if len(tokens) > max_seq_length:
        raise ValueError(
            f"fill_mask expects at most {max_seq_length} tokens, the length that this "
            f"model was trained with; received {len(tokens)}. Shorten the text."
        )
    (positions,) = np.nonzero(tokens == tokenizer.mask_id)
    return tokens, positions


def candidates(
    model: BertPretrainer,
    tokens: np.ndarray,
    positions: np.ndarray,
    vocab: Sequence[str],
    top_k: int,
) -> list[list[tuple[str, float]]]:
    """The most probable entries at some positions, each with its probability.

    Args:
        model: with its masked-LM head.
        tokens: int32 `[seq_len]`.
        positions: int `[num_masks]`.
        vocab: entries by id.
        top_k: entries per position.
    """
    logits = model(features_of(tokens[np.newaxis], positions[np.newaxis]))["masked_lm_logits"][0]
    # A model may have more rows than its vocabulary has entries.
    probabilities = tf.nn.softmax(logits[:, : len(vocab)])
    best = tf.math.top_k(probabilities, k=min(top_k, len(vocab)))
    return [
        [(vocab[i], float(p)) for i, p in zip(row, values, strict=True)]
        for row, values in zip(best.indices.numpy(), best.values.numpy(), strict=True)
    ]


def features_of(input_ids: np.ndarray, masked_lm_positions: np.ndarray) -> dict[str, tf.Tensor]:
    """One segment without padding, as the model takes it; both int32 `[batch, ...]`."""
    return {
        "input_ids": tf.constant(input_ids, tf.int32),
        "input_mask": tf.ones_like(input_ids, tf.int32),
        "segment_ids": tf.zeros_like(input_ids, tf.int32),
        "masked_lm_positions": tf.constant(masked_lm_positions, tf.int32),
    }
