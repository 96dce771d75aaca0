"""Masked-LM and next-sentence losses as sums, so that they do not depend on the number of replicas.

The mean over replicas of their mean losses would weigh a masked token by how many others its
replica happens to hold. So every replica returns sums, the caller adds the denominators over all
replicas first, and the gradient of `pretraining_loss`, summed over replicas, is that of the joined
batch.
"""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from models.fused.cross_entropy import cross_entropy_sums

# Entries of the vector that `metric_sums` returns.
METRIC_SUMS = (
    "masked_lm_loss",
    "masked_lm_correct",
    "masked_lm_weight",
    "next_sentence_loss",
    "next_sentence_correct",
    "next_sentence_weight",
    "tokens",
    "sequences",
)


def loss_weights(features: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """Sums the weights of one replica's batch.

    Args:
      features: parsed records with float32 `masked_lm_weights` `[batch, num_predictions]` and
        `next_sentence_weights` `[batch]`, or `[batch, max_sequences]` of packed rows.

    Returns:
      float32 `[2]`: masked-LM, next-sentence.
    """
    return tf.stack(
        [
            tf.reduce_sum(features["masked_lm_weights"]),
            tf.reduce_sum(features["next_sentence_weights"]),
        ]
    )


def metric_sums(outputs: Mapping[str, tf.Tensor], features: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """Sums losses, correct predictions and weights over one replica's batch.

    Args:
      outputs: the logits of `BertPretrainer`.
      features: parsed records with int32 `input_mask` `[batch, seq_len]`, 0 where there is padding
        and k at the tokens of the k-th sequence of a row; int32 `masked_lm_ids` and float32
        `masked_lm_weights`, both `[batch, num_predictions]`; int32 `next_sentence_labels` and
        float32 `next_sentence_weights`, both `[batch]`, or `[batch, max_sequences]` of packed rows.
        An entry of weight 0 does not count.

    Returns:
      float32 `[8]` in the order of `METRIC_SUMS`: losses in nats, the others as counts; tokens are
      those that are no padding.
    """
    masked_lm = cross_entropy_sums(
        outputs["masked_lm_logits"], features["masked_lm_ids"], features["masked_lm_weights"]
    )
    next_sentence = cross_entropy_sums(
        outputs["next_sentence_logits"],
        features["next_sentence_labels"],
        features["next_sentence_weights"],
    )
    mask = tf.cast(features["input_mask"], tf.float32)
    tokens = tf.reduce_sum(tf.minimum(mask, 1.0))
    sequences = tf.reduce_sum(tf.reduce_max(mask, axis=1))
    return tf.concat([masked_lm, next_sentence, [tokens, sequences]], 0)


def pretraining_loss(sums: tf.Tensor, global_weights: tf.Tensor) -> tf.Tensor:
    """Returns this replica's part of the loss: masked-LM mean plus next-sentence mean.

    Args:
      sums: float32 `[8]` from `metric_sums`.
      global_weights: float32 `[2]`, `loss_weights` added over all replicas.

    Returns:
      float32 `[]`, in nats. The parts of all replicas add up to the loss of the joined batch.

    Source: google-research/bert `run_pretraining.py`, `model_fn_builder`.
    Differs: the denominators are those of all replicas; without any weight the mean is 0, where the
    original adds 1e-5 to the denominator.
    """
    return tf.reduce_sum(tf.math.divide_no_nan(tf.stack([sums[0], sums[3]]), global_weights))


def means(sums) -> dict[str, float]:
    """Turns metric sums into mean losses and accuracies.

    Args:
      sums: `[8]`, `metric_sums` added over batches and replicas.

    Returns:
      Losses in nats and accuracies in [0, 1] by name; `loss` is the sum of the mean losses. Records
      without sentence pairs have a next-sentence weight of 0 and no next-sentence means.
    """
    named = dict(zip(METRIC_SUMS, (float(value) for value in sums), strict=True))
    result = {}
    tasks = ("masked_lm", "next_sentence") if named["next_sentence_weight"] else ("masked_lm",)
    for task in tasks:
        weight = max(named[f"{task}_weight"], 1.0)
        result[f"{task}_loss"] = named[f"{task}_loss"] / weight
        result[f"{task}_accuracy"] = named[f"{task}_correct"] / weight
    return {"loss": sum(result[f"{task}_loss"] for task in tasks), **result}
