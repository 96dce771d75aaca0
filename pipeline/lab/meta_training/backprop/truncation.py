"""Inner runs between two unrolls: their state, their start, their reset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from pipeline.lab.meta_training.inner_optimizer import InnerOptimizer
from pipeline.lab.meta_training.tasks.task import Task


class Run(NamedTuple):
    """One inner run between two unrolls; of several, every part has a first axis, `runs`.

    Attributes:
        states: of the learned optimizer, by variable.
        teacher: states of the nominal rule; {} where nothing is imitated.
        iteration: inner steps so far, int32 `[]`.
        applied_steps: of them, those that were not skipped, int64 `[]`.
        seed: of its batches, int32 `[]`.
    """

    states: dict[str, Any]
    teacher: dict[str, Any]
    iteration: tf.Tensor
    applied_steps: tf.Tensor
    seed: tf.Tensor


class RunInitializer:
    """Makes and resets runs of one task.

    Args:
        task: what is trained.
        optimizer: the learned one.
        teacher: the one that it imitates, if any.
    """

    def __init__(self, task: Task, optimizer: InnerOptimizer, teacher: InnerOptimizer | None):
        self._task, self._optimizer, self._teacher = task, optimizer, teacher

    def initial(self, seeds: Sequence[int]) -> Run:
        """Returns runs before their first step, stacked."""
        runs = [self._initial_run(seed) for seed in seeds]
        return tf.nest.map_structure(lambda *each: tf.stack(each), *runs)

    def reset(self, runs: Run, seeds: Mapping[int, int]) -> Run:
        """Replaces some of `runs` by initial ones.

        Args:
            runs: stacked.
            seeds: of the new runs, by index.
        """
        if not seeds:
            return runs
        indices = [[index] for index in seeds]
        return tf.nest.map_structure(
            lambda old, new: tf.tensor_scatter_nd_update(old, indices, new),
            runs,
            self.initial(list(seeds.values())),
        )

    def _initial_run(self, seed: int) -> Run:
        drawn = self._task.initial_weights(np.random.default_rng(seed))
        weights = {name: tf.constant(weight) for name, weight in drawn.items()}
        return Run(
            states=self._optimizer.init(weights),
            teacher=self._teacher.init(weights) if self._teacher else {},
            iteration=tf.constant(0),
            applied_steps=tf.constant(0, tf.int64),
            seed=tf.constant(seed),
        )
