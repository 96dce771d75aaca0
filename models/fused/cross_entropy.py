"""Cross-entropy and accuracy of a batch of predictions, as weighted sums."""

from __future__ import annotations

import math

import tensorflow as tf

from models.fused.compilation import call, float32_rows


def cross_entropy_sums(logits: tf.Tensor, labels: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Returns float32 `[3]`: sums of weighted losses in nats, weighted correct ones, and weights.

    A prediction is correct where its label is the argmax, the first one of several.

    Args:
      logits: `[..., num_classes]`, of any float dtype.
      labels: int32 `[...]`.
      weights: float32 `[...]`.
    """

    @tf.custom_gradient
    def run(logits, labels, weights):
        sums, log_total, losses, correct = call(_sums, logits, labels, weights)

        def backward(gradient):
            of_logits = call(_logit_gradients, logits, labels, weights, log_total, gradient)
            of_weights = gradient[0] * losses + gradient[1] * correct + gradient[2]
            return of_logits, None, of_weights

        return sums, backward

    return run(logits, labels, weights)


def _sums(logits, labels, weights):
    rows, label = float32_rows(logits), tf.reshape(labels, [-1])
    largest = tf.reduce_max(rows, -1, keepdims=True)
    total = tf.reduce_sum(tf.exp(rows - largest), -1, keepdims=True)
    log_total = largest + tf.math.log(total)
    of_label = tf.gather(rows, label, batch_dims=1)
    losses = tf.reshape(log_total[:, 0] - of_label, tf.shape(labels))
    # The label is the argmax if none is larger and none before it as large: on a CPU, XLA's own
    # argmax takes three times as long.
    before = tf.range(tf.shape(rows)[1]) < label[:, None]
    largest_before = tf.reduce_max(tf.where(before, rows, -math.inf), -1)
    first = (of_label == largest[:, 0]) & (largest_before < of_label)
    correct = tf.reshape(tf.cast(first, tf.float32), tf.shape(labels))
    sums = [losses * weights, correct * weights, weights]
    return tf.stack([tf.reduce_sum(each) for each in sums]), log_total, losses, correct


def _logit_gradients(logits, labels, weights, log_total, gradient):
    rows, label = float32_rows(logits), tf.reshape(labels, [-1, 1])
    probabilities = tf.exp(rows - log_total)
    own = tf.range(tf.shape(rows)[1]) == label
    slopes = tf.where(own, probabilities - 1.0, probabilities)
    scaled = slopes * (gradient[0] * tf.reshape(weights, [-1, 1]))
    return tf.cast(tf.reshape(scaled, tf.shape(logits)), logits.dtype)
