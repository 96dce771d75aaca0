"""The unigram plateau: the loss of a model that ignores context.

A model first learns word frequencies and stays there for a while; a comparison of optimizers
made on that plateau says nothing, so every curve is drawn against it.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

# Enough for a table of 30,000 words at a few seconds of reading.
NUM_TRAIN_SEQUENCES = 100_000


def unigram_loss(
    train: tf.data.Dataset,
    heldout: tf.data.Dataset,
    *,
    vocab_size: int,
    labels: tuple[str, str] = ("masked_lm_ids", "masked_lm_weights"),
) -> float:
    """Cross-entropy, in nats, of held-out labels under the training frequencies.

    Args:
      train: batches with the features `labels`, both `[batch, num_predictions]`, all of which are
        counted.
      heldout: the batches that evaluation uses, all of them.
      vocab_size: length of the frequency table. One is added to every count.
      labels: names of the features that hold the tokens to predict, and their weights.

    Returns:
      Nats per token.
    """
    train_counts = _count(train, vocab_size, labels) + 1.0
    heldout_counts = _count(heldout, vocab_size, labels)
    log_frequencies = np.log(train_counts / train_counts.sum())
    return float(-(heldout_counts * log_frequencies).sum() / heldout_counts.sum())


def _count(dataset: tf.data.Dataset, vocab_size: int, labels: tuple[str, str]) -> np.ndarray:
    ids, weights = labels
    counts = np.zeros(vocab_size)
    for batch in dataset.as_numpy_iterator():
        counts += np.bincount(
            batch[ids].ravel(),
            weights=batch[weights].ravel(),
            minlength=vocab_size,
        )
    return counts
