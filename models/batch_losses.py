"""What the losses of an objective offer, so that a step, a log and a guard are written once.

`models.losses` (the masked and the next sentences of a BERT) and `models.t5.losses` (the spans of a
T5) are such modules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import tensorflow as tf

Features = Mapping[str, tf.Tensor]


class BatchLosses(Protocol):
    """Losses of a batch as sums, whose denominators are added over all replicas first.

    Attributes:
      METRIC_SUMS: names of the entries of `metric_sums`; those that end in "_loss" are nats, and
        `tokens` and `sequences` are among them.
    """

    METRIC_SUMS: Sequence[str]

    def loss_weights(self, features: Features) -> tf.Tensor:
        """Returns the denominators of one replica's batch, float32 `[num_losses]`."""

    def metric_sums(self, outputs: tf.Tensor | Features, features: Features) -> tf.Tensor:
        """Returns float32 `[num_sums]` of one replica's batch, in the order of `METRIC_SUMS`."""

    def pretraining_loss(self, sums: tf.Tensor, global_weights: tf.Tensor) -> tf.Tensor:
        """Returns this replica's part of the loss, float32 `[]`."""

    def means(self, sums: Sequence[float]) -> dict[str, float]:
        """Returns mean losses and accuracies by name, `loss` among them."""
