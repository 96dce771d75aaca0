"""The loss of a T5 that writes the spans: sums over the tokens of the targets.

As in `models.losses`: every replica returns sums, so that the loss is that of the joined batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import tensorflow as tf

from models.fused.cross_entropy import cross_entropy_sums

# Entries of the vector that `metric_sums` returns.
METRIC_SUMS = ("target_loss", "target_correct", "target_weight", "tokens", "sequences")


def teacher_forced(target_ids: tf.Tensor, end_id: int) -> dict[str, tf.Tensor]:
    """Returns what the decoder reads, and which of its predictions count.

    Args:
      target_ids: int32 `[batch, target_len]`, a target with its end, then padding (0).
      end_id: the token that ends a target.

    Returns:
      int32 `decoder_input_ids` `[batch, target_len]`, the target shifted to the right behind a
      padding, and float32 `target_weights` of that shape, 1 up to the end and on no padding.
    """
    ends = tf.cast(target_ids == end_id, tf.int32)
    is_before = tf.cumsum(ends, axis=1, exclusive=True) == 0
    return {
        "decoder_input_ids": tf.pad(target_ids[:, :-1], [[0, 0], [1, 0]]),
        "target_weights": tf.cast(is_before & (target_ids != 0), tf.float32),
    }


def loss_weights(features: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """Returns float32 `[1]`: the tokens to predict in one replica's batch.

    Args:
      features: with float32 `target_weights` `[batch, target_len]`.
    """
    return tf.reduce_sum(features["target_weights"])[tf.newaxis]


def metric_sums(outputs: tf.Tensor, features: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """Sums losses, correct predictions and weights over one replica's batch.

    Args:
      outputs: float32 logits `[batch, target_len, vocab]`.
      features: int32 `input_mask` `[batch, seq_len]`, 0 where there is padding; int32 `target_ids`
        and float32 `target_weights`, both `[batch, target_len]`.

    Returns:
      float32 `[5]` in the order of `METRIC_SUMS`: the loss in nats, the others as counts; tokens
      are those of inputs and targets that are no padding.
    """
    weights = features["target_weights"]
    target = cross_entropy_sums(outputs, features["target_ids"], weights)
    mask = tf.cast(features["input_mask"], tf.float32)
    tokens = tf.reduce_sum(mask) + tf.reduce_sum(weights)
    sequences = tf.reduce_sum(tf.reduce_max(mask, axis=1))
    return tf.concat([target, [tokens, sequences]], 0)


def pretraining_loss(sums: tf.Tensor, global_weights: tf.Tensor) -> tf.Tensor:
    """Returns this replica's part of the loss, the mean over the tokens of all targets.

    Args:
      sums: float32 `[5]` from `metric_sums`.
      global_weights: float32 `[1]`, `loss_weights` added over all replicas.

    Returns:
      float32 `[]`, in nats. The parts of all replicas add up to the loss of the joined batch.
    """
    return tf.math.divide_no_nan(sums[0], global_weights[0])


def means(sums: Sequence[float]) -> dict[str, float]:
    """Turns metric sums into the mean loss, in nats a target token, and the accuracy in [0, 1].

    Args:
      sums: `[5]`, `metric_sums` added over batches and replicas.
    """
    named = dict(zip(METRIC_SUMS, (float(value) for value in sums), strict=True))
    weight = max(named["target_weight"], 1.0)
    loss = named["target_loss"] / weight
    return {
        "loss": loss,
        "target_loss": loss,
        "target_accuracy": named["target_correct"] / weight,
    }
