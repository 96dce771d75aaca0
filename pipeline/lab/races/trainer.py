"""A model of a task and one optimizer, compiled once and trained at many rates from many seeds.

A run is `model.fit`, as users call it. Compiling takes as long as hundreds of steps of a small
model; so before every run weights and optimizer state are reset to those of a new model, and the
rate, a variable, is set.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf
import tf_keras as keras

from pipeline.lab.races.contestants import Contestant
from pipeline.lab.races.runs_file import Curve
from pipeline.lab.races.tasks.task import Arrays, Task
from pipeline.optimizers.base import evaluation_weights

_HELDOUT_BATCH = 500  # a divisor of most held-out parts: another shape is compiled again


class Trainer:
    """Trains one optimizer on one task, as often as asked.

    Args:
        task: what to learn.
        data: of the task, train and held-out.
        contestant: the optimizer.
    """

    def __init__(self, task: Task, data: tuple[Arrays, Arrays], contestant: Contestant):
        self._task, (self._train, self._heldout) = task, data
        self._rate = tf.Variable(1.0)
        self._model = self._new_model(seed=0)
        self._optimizer = contestant.make(self._rate, task.num_train_steps, task.labels_per_step)
        self._optimizer.build(self._model.trainable_variables)
        self._first_state = [variable.numpy() for variable in self._optimizer.variables]
        self._model.compile(
            optimizer=self._optimizer,
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
            jit_compile=task.jit_compile,
            # Where a step is one program, all steps between two evaluations are one call.
            steps_per_execution=task.eval_every_steps if task.jit_compile else 1,
        )
        self._model.fit(self._batches(seed=0), epochs=1, steps_per_epoch=1, verbose=0)

    def train(
        self, learning_rate: float, seed: int, on_evaluation: Callable[[Curve], None]
    ) -> Curve:
        """Trains from new weights, with an evaluation every `eval_every_steps`.

        Args:
            learning_rate: its peak; of Mnemosyne a multiple of the built-in rates.
            seed: of initial weights and the order of the data.
            on_evaluation: called with the curve so far, after each evaluation.
        """
        self._begin(learning_rate, seed)
        evaluation = _Evaluation(self._heldout, on_evaluation)
        self._model.fit(
            self._batches(seed),
            epochs=self._task.num_evaluations,
            steps_per_epoch=self._task.eval_every_steps,
            callbacks=[evaluation],
            verbose=0,
        )
        return evaluation.curve

    def _begin(self, learning_rate: float, seed: int) -> None:
        self._model.set_weights(self._new_model(seed).get_weights())
        for variable, value in zip(self._optimizer.variables, self._first_state, strict=True):
            variable.assign(value)
        self._rate.assign(learning_rate)
        if isinstance(self._optimizer.learning_rate, tf.Variable):  # no schedule around Mnemosyne's
            self._optimizer.learning_rate.assign(learning_rate)

    def _new_model(self, seed: int) -> keras.Model:
        keras.utils.set_random_seed(seed)
        model = self._task.build()
        model(tf.nest.map_structure(lambda array: array[:1], self._train[0]))
        return model

    def _batches(self, seed: int) -> tf.data.Dataset:
        return (
            tf.data.Dataset.from_tensor_slices(self._train)
            .shuffle(len(self._train[1]), seed=seed)
            .repeat()
            .batch(self._task.batch_size, drop_remainder=True)
            .prefetch(4)
        )


class _Evaluation(keras.callbacks.Callback):
    """Adds to its curve at the end of what Keras calls an epoch."""

    def __init__(self, heldout: Arrays, on_evaluation: Callable[[Curve], None]):
        super().__init__()
        self.curve = Curve()
        self._heldout, self._on_evaluation = heldout, on_evaluation

    def on_train_begin(self, logs=None):
        self._trained, self._started = np.zeros(2), _clocks()

    def on_epoch_end(self, epoch, logs=None):
        self._trained += _clocks() - self._started
        with evaluation_weights(self.model.optimizer, self.model.trainable_variables):
            figures = self.model.evaluate(*self._heldout, batch_size=_HELDOUT_BATCH, verbose=0)
        row = (int(self.model.optimizer.iterations), *self._trained.tolist(), *figures)
        for values, value in zip(vars(self.curve).values(), row, strict=True):
            values.append(value)
        self._on_evaluation(self.curve)
        self._started = _clocks()


def _clocks() -> np.ndarray:
    return np.array([time.monotonic(), time.process_time()])
