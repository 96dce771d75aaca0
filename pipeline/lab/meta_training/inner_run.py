"""Full training runs of an outer task as one XLA program, several settings side by side.

All members of a call share initial weights and batches, so their losses differ by settings alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from mnemosyne_tf.update_rule import StepInputs
from pipeline.lab.meta_training.inner_optimizer import InnerOptimizer
from pipeline.lab.meta_training.settings import NUM_EVALUATIONS
from pipeline.lab.meta_training.tasks.task import Task


class _Member(NamedTuple):
    """What one run carries from step to step."""

    states: dict[str, Any]
    applied_steps: tf.Tensor


class InnerRun:
    """Runs of one task.

    Args:
        task: what is trained.
        optimizer: what trains it.
    """

    def __init__(self, task: Task, optimizer: InnerOptimizer):
        self.task = task
        self._optimizer = optimizer
        self._train = tuple(tf.constant(array) for array in task.train)
        # A function of this object's own: TensorFlow counts the traces of a method over all objects
        # and would warn that one program a task is one too many.
        self._compiled = tf.function(
            lambda *given: self._run(*given), jit_compile=True, autograph=False
        )

    def __call__(self, values: Mapping[str, np.ndarray], seed: int) -> np.ndarray:
        """Trains and returns held-out losses, `[members, NUM_EVALUATIONS]`.

        Args:
            values: float32 `[members, *shape]` for every varied meta-parameter of the optimizer.
            seed: of initial weights and batches.
        """
        losses, _ = self.losses_and_weights(values, seed)
        return losses.numpy()

    def losses_and_weights(self, values: Mapping[str, np.ndarray], seed: int):
        """Held-out losses, and the trained weights by name, `[members, *shape]`."""
        weights = self.task.initial_weights(np.random.default_rng(seed))
        values = {name: tf.constant(values[name]) for name in sorted(self._optimizer.varied)}
        return self._compiled(values, weights, tf.constant(seed), self._train)

    def _run(self, values, weights, seed, train):
        num_members = next(iter(values.values())).shape[0]
        members = tf.nest.map_structure(
            lambda each: tf.tile(each[tf.newaxis], [num_members] + [1] * each.shape.rank),
            self._initial_member(weights),
        )
        heldout = self.task.heldout_batch()

        def step(iteration, members):
            batch = self.task.train_batch(train, tf.stack([2 * iteration, seed]))
            moved = tf.vectorized_map(
                lambda each: self._step(*each, iteration, batch), (values, members)
            )
            return iteration + 1, moved

        def steps_and_evaluation(index, members, losses):
            end = (index + 1) * (self.task.num_steps // NUM_EVALUATIONS)
            start = index * (self.task.num_steps // NUM_EVALUATIONS)
            _, members = tf.while_loop(lambda i, _: i < end, step, (start, members))
            loss = tf.vectorized_map(
                lambda states: self.task.loss(_weights(states), heldout), members.states
            )
            column = tf.one_hot(index, NUM_EVALUATIONS)
            return index + 1, members, losses + column * loss[:, tf.newaxis]

        losses = tf.zeros([num_members, NUM_EVALUATIONS])
        _, members, losses = tf.while_loop(
            lambda index, *_: index < NUM_EVALUATIONS,
            steps_and_evaluation,
            (tf.constant(0), members, losses),
        )
        return losses, _weights(members.states)

    def _initial_member(self, weights) -> _Member:
        weights = {name: tf.convert_to_tensor(weight) for name, weight in weights.items()}
        return _Member(self._optimizer.init(weights), tf.constant(0, tf.int64))

    def _step(self, values, member: _Member, iteration, batch) -> _Member:
        """One step of one member: gradient, whether it is finite, update of every variable."""
        _, gradients, finite = self.task.gradients(_weights(member.states), batch)
        inputs = StepInputs(
            iterations=tf.cast(iteration, tf.int64),
            applied_steps=member.applied_steps,
            learning_rate=tf.constant(1.0),
            finite=finite,
        )
        meta_params = self._optimizer.meta_params(values)
        states = self._optimizer.update(meta_params, gradients, member.states, inputs)
        return _Member(states, member.applied_steps + tf.cast(finite, tf.int64))


def _weights(states: Mapping[str, Any]) -> dict[str, tf.Tensor]:
    return {name: state.weight for name, state in states.items()}
