"""The number format of a training step: Keras policies, and the loss scale of float16.

Weights, gradients, their sums, the optimizer and the losses are float32 in every format; layers
compute in it. Gradients of float16 below 6e-8 would be zero, so its loss is multiplied by a scale,
which falls when a gradient overflows and rises when none has for long.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import tensorflow as tf
import tf_keras as keras

POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}
_LARGEST, _SMALLEST = 2.0**24, 1.0


@contextlib.contextmanager
def layers_compute_in(precision: str) -> Iterator[None]:
    """Layers made inside the context compute in this precision, a key of `POLICIES`."""
    before = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy(POLICIES[precision])
    try:
        yield
    finally:
        keras.mixed_precision.set_global_policy(before)


class LossScale(tf.Module):
    """What the loss is multiplied by, kept with the optimizer and saved with it.

    The scale is halved after a step that the optimizer skipped, and doubled after `growth_steps`
    in a row that it did not skip; it stays a power of two, so scaling rounds nothing.

    Args:
      initial: the scale of the first step.
      growth_steps: steps without an overflow before it is doubled.

    Source: Micikevicius et al. 2018 (arXiv 1710.03740), section 3.2; the numbers are those of
    `keras.mixed_precision.LossScaleOptimizer`.
    Differs: Keras wraps the optimizer, whose guard, counters and schedule would be hidden.
    """

    def __init__(self, initial: float = 2.0**15, growth_steps: int = 2_000):
        super().__init__(name="loss_scale")
        self.growth_steps = growth_steps
        # As of Keras's counters: every replica holds the same value and makes the same change.
        same = {
            "trainable": False,
            "aggregation": tf.VariableAggregation.ONLY_FIRST_REPLICA,
        }
        self.value = tf.Variable(initial, name="loss_scale", **same)
        self.good_steps = tf.Variable(0, dtype=tf.int64, name="good_steps", **same)

    @property
    def is_at_floor(self) -> bool:
        """Whether an overflow can no longer lower the scale."""
        return float(self.value.numpy()) <= _SMALLEST

    def update(self, finite: tf.Tensor) -> None:
        """Takes the verdict, bool `[]`, on the gradients of a step; outside of replicas."""
        good_steps = tf.where(finite, self.good_steps.read_value() + 1, 0)
        grows = good_steps >= self.growth_steps
        value = self.value.read_value()
        value = tf.where(finite, tf.where(grows, 2.0 * value, value), 0.5 * value)
        self.value.assign(tf.clip_by_value(value, _SMALLEST, _LARGEST))
        self.good_steps.assign(tf.where(grows, tf.zeros_like(good_steps), good_steps))


def add_loss_scale(optimizer: keras.optimizers.Optimizer, precision: str) -> None:
    """Gives the optimizer a `loss_scale` where the precision needs one; call it in the scope."""
    if precision == "float16":
        optimizer.loss_scale = LossScale()
