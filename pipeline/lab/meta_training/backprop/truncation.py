"""Inner runs between two windows: where they stand, how they begin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from pipeline.lab.meta_training.inner_optimizer import InnerOptimizer
from pipeline.lab.meta_training.tasks.task import Task


class Run(NamedTuple):
    """One inner run, between two windows; of several, every part has a first axis, `runs`.

    Attributes:
        states: of the learned optimizer, by variable.
        teacher: states of the nominal rule; {} where nothing is imitated.
        scales: factor by which each stored weight is multiplied before use, `[]`.
        iteration: inner steps behind it, int32 `[]`.
        applied_steps: of them, those that were not skipped, int64 `[]`.
        seed: of its batches, int32 `[]`.
    """

    states: dict[str, Any]
    teacher: dict[str, Any]
    scales: dict[str, tf.Tensor]
    iteration: tf.Tensor
    applied_steps: tf.Tensor
    seed: tf.Tensor


class FreshRuns:
    """Makes runs of one task.

    Args:
        task: what is trained.
        optimizer: the learned one.
        teacher: the one that it imitates, if any.
        global_rescale, tensor_rescale: as in `LearnedRecipe`.
    """

    def __init__(
        self,
        task: Task,
        optimizer: InnerOptimizer,
        teacher: InnerOptimizer | None,
        *,
        global_rescale: float = 1.0,
        tensor_rescale: float = 1.0,
    ):
        self._task, self._optimizer, self._teacher = task, optimizer, teacher
        self._log_rescales = np.log(global_rescale), np.log(tensor_rescale)

    def make(self, seeds: Sequence[int]) -> Run:
        """Runs before their first step, stacked."""
        runs = [self._fresh_run(seed) for seed in seeds]
        return tf.nest.map_structure(lambda *each: tf.stack(each), *runs)

    def replace(self, runs: Run, seeds: Mapping[int, int]) -> Run:
        """Puts fresh runs in the place of some of `runs`.

        Args:
            runs: stacked.
            seeds: of the new runs, by place.
        """
        if not seeds:
            return runs
        places = [[place] for place in seeds]
        return tf.nest.map_structure(
            lambda old, new: tf.tensor_scatter_nd_update(old, places, new),
            runs,
            self.make(list(seeds.values())),
        )

    def _fresh_run(self, seed: int) -> Run:
        rng = np.random.default_rng(seed)
        weights = self._task.initial_weights(rng)
        whole, single = self._log_rescales
        shared = rng.uniform(-whole, whole)
        scales = {name: np.exp(shared + rng.uniform(-single, single)) for name in weights}
        stored = {name: tf.constant(weights[name] / np.float32(scales[name])) for name in weights}
        return Run(
            states=self._optimizer.init(stored),
            teacher=self._teacher.init(stored) if self._teacher else {},
            scales={name: tf.constant(scale, tf.float32) for name, scale in scales.items()},
            iteration=tf.constant(0),
            applied_steps=tf.constant(0, tf.int64),
            seed=tf.constant(seed),
        )
