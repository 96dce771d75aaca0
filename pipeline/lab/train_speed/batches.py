"""The batches that every program trains on: one file of arrays `[batches, batch, ...]`."""

from __future__ import annotations

import os

import numpy as np

NUM_BATCHES = 4
_FIRST_WORD = 5  # after the special tokens


def random_batches(
    *, vocab_size: int, batch_size: int, seq_len: int, predictions: int, seed: int = 0
) -> dict[str, np.ndarray]:
    """Returns features of full rows: two segments, distinct masked positions after the first token.

    Keys, shapes and dtypes are those of `models.losses.metric_sums`, behind `NUM_BATCHES`.
    """
    rng = np.random.default_rng(seed)
    shape = (NUM_BATCHES, batch_size, seq_len)
    predicted = (NUM_BATCHES, batch_size, predictions)
    order = np.argsort(rng.random((*shape[:-1], seq_len - 1)), axis=-1)
    features = {
        "input_ids": rng.integers(_FIRST_WORD, vocab_size, shape),
        "input_mask": np.ones(shape),
        "segment_ids": np.broadcast_to(np.arange(seq_len) >= seq_len // 2, shape),
        "masked_lm_positions": np.sort(order[..., :predictions] + 1, axis=-1),
        "masked_lm_ids": rng.integers(_FIRST_WORD, vocab_size, predicted),
        "next_sentence_labels": rng.integers(0, 2, shape[:-1]),
    }
    return {
        **{name: array.astype(np.int32) for name, array in features.items()},
        "masked_lm_weights": np.ones(predicted, np.float32),
        "next_sentence_weights": np.ones(shape[:-1], np.float32),
    }


def save(features: dict[str, np.ndarray], folder: str, name: str = "batches") -> str:
    """Writes the arrays and returns the path."""
    path = os.path.join(folder, f"{name}.npz")
    np.savez(path, **features)
    return path
