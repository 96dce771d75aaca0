"""The pseudo-log-likelihood of sentences: each token masked in turn, its log probability summed.

Source: Salazar et al. 2020, "Masked language model scoring", section 2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from models import BertPretrainer
from pipeline import length_batches


def pseudo_log_likelihoods(
    model: BertPretrainer,
    sentences: Sequence[np.ndarray],
    *,
    mask_id: int,
    num_entries: int,
    batch_size: int = 64,
    progress: Callable[[int], None] = lambda done: None,
) -> np.ndarray:
    """Scores sentences.

    Args:
        model: with a masked-LM head.
        sentences: int `[seq_len]` each, tokens with [CLS] first and [SEP] last, which are not
            masked.
        mask_id: of [MASK].
        num_entries: of the vocabulary; further rows of the model have no entry.
        batch_size: masked copies per forward pass; copies of sentences of like length go together.
        progress: called with the number of copies done after each batch.

    Returns:
        float64 `[len(sentences)]`, in nats, 0 at most.
    """
    lengths = np.array([len(tokens) for tokens in sentences], np.int64)
    # A copy of its sentence for each token: which sentence, and which position is masked.
    owners = np.repeat(np.arange(len(sentences)), lengths - 2)
    positions = np.concatenate([np.arange(1, n - 1) for n in lengths] or [[]]).astype(np.int32)
    scores = np.zeros(len(sentences))
    run = _log_probabilities(model, num_entries)
    for batch in length_batches.sorted_batches(lengths[owners], batch_size=batch_size):
        copies = np.zeros([len(batch.rows), batch.width], np.int32)
        for copy, owner in zip(copies, owners[batch.rows], strict=True):
            copy[: lengths[owner]] = sentences[owner]
        mask = np.arange(batch.width) < lengths[owners[batch.rows]][:, np.newaxis]
        row, masked = np.arange(len(batch.rows)), positions[batch.rows]
        targets = copies[row, masked]
        copies[row, masked] = mask_id
        found = run(copies, mask.astype(np.int32), masked, targets)
        np.add.at(scores, owners[batch.rows], found.numpy().astype(np.float64))
        progress(len(batch.rows))
    return scores


def _log_probabilities(model: BertPretrainer, num_entries: int) -> Callable:
    rows, matrix = tf.TensorSpec([None], tf.int32), tf.TensorSpec([None, None], tf.int32)

    @tf.function(input_signature=[matrix, matrix, rows, rows])
    def run(input_ids, input_mask, positions, targets):
        features = {
            "input_ids": input_ids,
            "input_mask": input_mask,
            "segment_ids": tf.zeros_like(input_ids),
            "masked_lm_positions": positions[:, tf.newaxis],
        }
        logits = model(features, training=False)["masked_lm_logits"][:, 0, :num_entries]
        return -tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)

    return run
