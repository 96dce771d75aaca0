"""An outer task of meta-training: data, and a loss as a pure function of weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from pipeline.lab.meta_training.tasks.transformer import Weights

HELDOUT_ROWS = 256


@dataclasses.dataclass(frozen=True)
class Task:
    """A model to train from scratch in a fixed number of steps.

    Attributes:
        name: in logs.
        num_steps: steps of a run.
        batch_size: rows a step.
        labels_per_row: labels in the loss of each.
        knows_length: whether the optimizer is given `num_steps` and the labels of a step.
        train: arrays with one first axis, rows.
        heldout: the same, at most `HELDOUT_ROWS` rows.
        initial_weights: weights by name from a generator. Names decide what is orthogonalised
            and what is decayed, as for any Keras variable.
        make_batch: from some rows and a seed int32 `[2]` to the batch that `loss` reads.
        loss: mean loss in nats, `[]`.
        plateau: nats, the loss of a model that knows only how frequent each answer is.
    """

    name: str
    num_steps: int
    batch_size: int
    labels_per_row: int
    knows_length: bool
    train: tuple[np.ndarray, ...]
    heldout: tuple[np.ndarray, ...]
    initial_weights: Callable[[np.random.Generator], dict[str, np.ndarray]]
    make_batch: Callable[[tuple[tf.Tensor, ...], tf.Tensor], Any]
    loss: Callable[[Weights, Any], tf.Tensor]
    plateau: float

    @property
    def run_arguments(self) -> dict[str, int]:
        """Arguments of the optimizer that describe the run; none where its length is unknown."""
        if not self.knows_length:
            return {}
        labels_per_step = self.batch_size * self.labels_per_row
        return {"total_steps": self.num_steps, "labels_per_step": labels_per_step}

    def train_batch(self, train: tuple[tf.Tensor, ...], seed: tf.Tensor) -> Any:
        """Rows drawn at random from `self.train`, given as tensors; the same for a same seed."""
        rows = random_integers([self.batch_size], seed, train[0].shape[0])
        return self.make_batch(tuple(tf.gather(array, rows) for array in train), seed + 1)

    def gradients(
        self, weights: Weights, batch: Any
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor], tf.Tensor]:
        """The loss on a batch, its gradient by name, and whether all of that is finite, `[]`."""
        with tf.GradientTape() as tape:
            tape.watch(weights)
            loss = self.loss(weights, batch)
        gradients = tape.gradient(loss, weights)
        gradients = {name: tf.convert_to_tensor(each) for name, each in gradients.items()}
        finite = [tf.reduce_all(tf.math.is_finite(each)) for each in gradients.values()]
        return loss, gradients, tf.reduce_all(tf.stack(finite))

    def heldout_batch(self) -> Any:
        """All held-out rows, the same at every evaluation."""
        arrays = tuple(tf.constant(array) for array in self.heldout)
        return self.make_batch(arrays, tf.constant([0, 0]))


def random_integers(shape, seed: tf.Tensor, maxval: int = 2**31 - 1) -> tf.Tensor:
    """Integers from 0 to below `maxval`, the same with and without XLA, as floats are not."""
    return tf.random.stateless_uniform(shape, seed, 0, maxval, tf.int32, alg="philox")


def split(
    *arrays: np.ndarray, heldout_fraction: float = 0.05
) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    """Train and held-out rows: the last fraction, at most `HELDOUT_ROWS`, is held out."""
    count = max(1, min(HELDOUT_ROWS, int(heldout_fraction * len(arrays[0]))))
    return tuple(array[:-count] for array in arrays), tuple(array[-count:] for array in arrays)
