"""Levers compared with the nominal rule beneath them: full runs, same weights, same batches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.lab.derived_seed import derived_seed
from pipeline.lab.meta_training.backprop.full_unrolls import score
from pipeline.lab.meta_training.inner_optimizer import InnerMnemosyne
from pipeline.lab.meta_training.inner_run import InnerRun
from pipeline.lab.meta_training.pes.lever_space import LeverSpace
from pipeline.lab.meta_training.tasks.task import Task

# Purposes of the seeds; `particle_tasks` has others.
_EVALUATION, _FINAL = range(3, 5)


class Comparison:
    """Regrets of levers on all tasks, each against the rule with all levers at rest.

    A regret is the score of the levers less that of the rule: the mean over the second half of a
    run of log(held-out loss + 0.05).

    Args:
        tasks: what is trained.
        space: the numbers that are learned.
        seed: of everything that is drawn.
    """

    def __init__(self, tasks: Sequence[Task], space: LeverSpace, seed: int):
        self._space, self._seed = space, seed
        varied = frozenset(space.names)
        self._runs = {
            task.name: InnerRun(task, InnerMnemosyne(space.start, varied, **task.run_arguments))
            for task in tasks
        }

    def regrets(self, point: np.ndarray, num_seeds: int) -> dict[str, float]:
        """Regrets by task, from the same seeds in every call."""
        losses = self._losses(point, _EVALUATION, num_seeds)
        return {name: _regret(of_task) for name, of_task in losses.items()}

    def final(self, point: np.ndarray, num_seeds: int) -> dict:
        """Figures from seeds that chose nothing."""
        losses = self._losses(point, _FINAL, num_seeds)
        regrets = {name: _regret(of_task) for name, of_task in losses.items()}
        return {
            "learned_regret": float(np.mean(list(regrets.values()))),
            "learned_worst": max(regrets.values()),
            "nominal_regret": 0.0,
            "nominal_worst": 0.0,
            "tasks": {
                name: {
                    "regret": regrets[name],
                    "learned": float(of_task[:, 0, -1].mean()),
                    "nominal": float(of_task[:, 1, -1].mean()),
                }
                for name, of_task in losses.items()
            },
        }

    def _losses(self, point: np.ndarray, purpose: int, num_seeds: int) -> dict[str, np.ndarray]:
        """Held-out losses by task, `[seeds, 2, NUM_EVALUATIONS]`: of the levers, of the rule."""
        values = self._space.values(np.stack([point, self._space.at_rest(point)]))
        seeds = [derived_seed(self._seed, purpose, i) for i in range(num_seeds)]
        return {
            name: np.stack([run(values, seed) for seed in seeds])
            for name, run in self._runs.items()
        }


def _regret(losses: np.ndarray) -> float:
    return float(np.mean([score(levers) - score(rule) for levers, rule in losses]))
