"""How long the step loop waits for its next batch: two clocks in the graph, around the iterator.

A loop of steps is one graph, so Python's clock sees whole loops only. The first clock stands behind
the results of the step before, the second between the batch and the step: what passes between them
is time in which the device had nothing to do but wait for input. A batch that was ready costs
microseconds. The batch may be asked for before the first clock; the step waits for the second one,
because with few threads the clock would else come behind the step.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import tensorflow as tf


class InputWait:
    """Adds up the seconds in which a step loop waited for batches.

    Where the device runs asynchronously (GPU, TPU), the step before may still run when its results
    count as there, so the sum is an upper bound.

    Example:
      wait = InputWait()  # outside of the tf.function, and of a strategy's scope
      # inside of it, in place of next(iterator):
      features = wait.next_batch(iterator, after=total)
      # behind it:
      print(f"input {wait.fraction_of(seconds):.1%}")
    """

    def __init__(self):
        with tf.device("CPU:0"):
            self._seconds = tf.Variable(0.0, trainable=False, dtype=tf.float64, name="input_wait")

    def next_batch(self, iterator: Iterator, *, after: Any) -> Any:
        """Returns `next(iterator)` and adds what was waited for it.

        Args:
          iterator: over a dataset, or over a distributed one.
          after: tensors of the step before, such as its sums; the first clock waits for them.
        """
        asked = _timestamp_after(after)
        batch = next(iterator)
        received = _timestamp_after([asked, batch])
        self._seconds.assign_add(received - asked)
        return tf.nest.map_structure(
            lambda tensor: _behind(received, tensor), batch, expand_composites=True
        )

    def take(self) -> float:
        """Returns the seconds waited since the last call."""
        seconds = float(self._seconds.numpy())
        self._seconds.assign(0.0)
        return seconds

    def fraction_of(self, seconds: float) -> float:
        """Returns which fraction of `seconds` was waited since the last call, in [0, 1]."""
        return min(1.0, self.take() / seconds) if seconds > 0 else 0.0


def _behind(clock: tf.Tensor, tensor: tf.Tensor) -> tf.Tensor:
    """Returns the tensor, where it was, as soon as the clock was read."""
    with tf.control_dependencies([clock]), tf.device(tensor.device):
        return tf.identity(tensor)


def _timestamp_after(tensors: Any) -> tf.Tensor:
    """Returns seconds since 1970, float64 `[]`, read when all tensors are there."""
    flat = tf.nest.flatten(tensors, expand_composites=True)
    with tf.control_dependencies(flat), tf.device("CPU:0"):
        return tf.timestamp()
