"""The unrolls of all outer tasks, and the state of their runs between two meta-steps."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from pipeline.lab.derived_seed import derived_seed
from pipeline.lab.meta_training.backprop.curriculum import Stage
from pipeline.lab.meta_training.backprop.meta_adam import mean_of_clipped
from pipeline.lab.meta_training.backprop.settings import LearnedRecipe
from pipeline.lab.meta_training.backprop.truncation import Run
from pipeline.lab.meta_training.backprop.unroll import MAX_LOG_LOSS, Unroll
from pipeline.lab.meta_training.inner_optimizer import InnerOptimizer
from pipeline.lab.meta_training.tasks.task import Task

_RUNS = 0  # purpose of the seeds; `FullUnrolls` has others


class TruncatedTasks:
    """Meta-gradients on all tasks at once.

    Args:
        tasks: what is trained.
        optimizer: the learned one.
        recipe: of the meta-training.
    """

    def __init__(self, tasks: Sequence[Task], optimizer: InnerOptimizer, recipe: LearnedRecipe):
        self._tasks, self._optimizer, self._recipe = tasks, optimizer, recipe
        self._unrolls: dict[str, Unroll] = {}
        self._runs: dict[str, Run] = {}
        self._is_imitation: bool | None = None

    @property
    def inner_steps(self) -> int:
        """Inner steps of a meta-step."""
        return self._recipe.runs_at_once * self._recipe.unroll_length * len(self._tasks)

    def meta_gradients(
        self, stage: Stage, meta_step: int, values: Mapping[str, np.ndarray]
    ) -> tuple[dict[str, float], dict[str, np.ndarray], int]:
        """Moves all runs by one unroll; those that exploded are reset.

        Args:
            stage: that the meta-step belongs to.
            meta_step: counted from 0.
            values: of the meta-parameters that are learned.

        Returns:
            Meta-loss by task; by name the mean of all runs' gradients, each clipped; how many runs
            exploded: their last loss was not a number, or at `MAX_LOG_LOSS`.
        """
        if stage.is_imitation != self._is_imitation:
            self._prepare(stage, values)
        losses, num_exploded = {}, 0
        total = {name: np.zeros_like(value) for name, value in values.items()}
        for index, (task, unroll) in enumerate(self._unrolls.items()):
            seeds = {
                run: self._seed(index, run, meta_step)
                for run in range(self._recipe.runs_at_once)
                if stage.is_reset(run, meta_step, self._recipe)
            }
            runs = unroll.initializer.reset(self._runs[task], seeds)
            of_steps, gradients, runs = unroll(values, runs)
            losses[task] = float(np.nan_to_num(of_steps, nan=MAX_LOG_LOSS).mean())
            for name, gradient in mean_of_clipped(gradients).items():
                total[name] += gradient / len(self._unrolls)
            # In imitation a run follows its teacher and never explodes.
            is_well = stage.is_imitation | (of_steps[-1] < MAX_LOG_LOSS)
            seeds = {run: self._seed(index, run, meta_step + 1) for run in np.flatnonzero(~is_well)}
            self._runs[task] = unroll.initializer.reset(runs, seeds)
            num_exploded += len(seeds)
        return losses, total, num_exploded

    def state(self) -> dict[str, np.ndarray]:
        """The state of all runs, as arrays."""
        return {
            f"{task}:{i}": part.numpy()
            for task, runs in self._runs.items()
            for i, part in enumerate(tf.nest.flatten(runs))
        }

    def restore(self, state: Mapping[str, np.ndarray], stages: Sequence[Stage], meta_step: int):
        """Restores runs from `state`.

        Args:
            state: as `state` returned it after `meta_step` meta-steps.
            stages: all stages.
            meta_step: meta-steps behind it.
        """
        # Runs saved at the end of a stage are of that stage; the next one resets them.
        stage = next(stage for stage in stages if meta_step <= stage.end)
        self._prepare(stage, self._optimizer.params.values)
        for task, runs in self._runs.items():
            parts = [state[f"{task}:{i}"] for i in range(len(tf.nest.flatten(runs)))]
            self._runs[task] = tf.nest.pack_sequence_as(runs, [tf.constant(each) for each in parts])

    def _prepare(self, stage: Stage, values: Mapping[str, np.ndarray]) -> None:
        """Compiles the unrolls of a kind of stage and prints their speed."""
        self._is_imitation = stage.is_imitation
        self._unrolls = {
            task.name: Unroll(
                task,
                self._optimizer,
                unroll_length=self._recipe.unroll_length,
                is_imitation=stage.is_imitation,
            )
            for task in self._tasks
        }
        for index, (task, unroll) in enumerate(self._unrolls.items()):
            seeds = [self._seed(index, run, 0) for run in range(self._recipe.runs_at_once)]
            self._runs[task] = unroll.initializer.initial(seeds)
            seconds = []
            for _ in range(2):
                started = time.perf_counter()
                unroll(values, self._runs[task])
                seconds.append(time.perf_counter() - started)
            speed = self.inner_steps / len(self._tasks) / seconds[1]
            print(
                f"meta-train: {stage.name}, {task}: {speed:.0f} inner steps/s, compiled in "
                f"{seconds[0]:.0f} s",
                file=sys.stderr,
                flush=True,
            )

    def _seed(self, task: int, run: int, meta_step: int) -> int:
        return derived_seed(self._recipe.seed, _RUNS, task, run, meta_step)
