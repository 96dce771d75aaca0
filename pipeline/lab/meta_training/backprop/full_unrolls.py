"""Full unrolls of a fully learned optimizer, compared with two nominal rules at swept rates.

The nominal rule is Mnemosyne untrained, with orthogonalised kernels; "elementwise" is the same
without, an Adam with bounded steps, which the fully learned optimizers imitate. Both are given the
length of a run where the task says so; the fully learned optimizer never is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from mnemosyne_tf.meta_params import MetaParams
from pipeline.lab.derived_seed import derived_seed
from pipeline.lab.meta_training.backprop.unroll import LOSS_FLOOR, MAX_LOG_LOSS
from pipeline.lab.meta_training.evolution.regret import (
    SWEPT_RATES,
    Baseline,
    regrets,
    sweep_nominal_rule,
)
from pipeline.lab.meta_training.evolution.search_space import SearchSpace
from pipeline.lab.meta_training.inner_optimizer import InnerMnemosyne, InnerOptimizer
from pipeline.lab.meta_training.inner_run import InnerRun
from pipeline.lab.meta_training.meta_folder import MetaFolder
from pipeline.lab.meta_training.settings import LEARNED, NUM_EVALUATIONS
from pipeline.lab.meta_training.tasks.task import Task

NOMINAL, ELEMENTWISE = "nominal", "elementwise"
NUM_EVALUATION_SEEDS = 2
# Purposes of the seeds that are drawn, so that no two uses share one.
_SWEEP, _EVALUATION, _FINAL = range(1, 4)


def score(losses: np.ndarray) -> float:
    """The meta-loss on held-out losses `[NUM_EVALUATIONS]`, mean over the second half of a run.

    A regret has a largest value, which a poor run, one without progress and one that exploded would
    share; here only what exploded has the largest.
    """
    logs = np.log(losses[NUM_EVALUATIONS // 2 :] + LOSS_FLOOR)
    return float(np.fmin(logs, MAX_LOG_LOSS).mean())


class FullUnrolls:
    """Scores sets of meta-parameters by full unrolls on all tasks.

    Args:
        tasks: what is trained.
        optimizer: the learned one.
        seed: of everything that is drawn.
    """

    def __init__(self, tasks: Sequence[Task], optimizer: InnerOptimizer, seed: int):
        self._tasks, self._seed = tasks, seed
        self._learned = {task.name: InnerRun(task, optimizer) for task in tasks}
        self._baselines: dict[str, Baseline] = {}

    def sweep(self, folder: MetaFolder, num_seeds: int, say: Callable[[str], None]) -> None:
        """Runs both nominal rules at all rates, or reads from the folder what ran before."""
        self._baselines = folder.baselines()
        space = SearchSpace(MetaParams.nominal(), LEARNED["rates"])
        varied = frozenset(space.values(np.zeros([1, space.num_coords])))
        seeds = [self._seed_of(_SWEEP, i) for i in range(num_seeds)]
        for task in self._tasks:
            for rule in (NOMINAL, ELEMENTWISE):
                name = f"{task.name}, {rule}"
                if name not in self._baselines:
                    optimizer = InnerMnemosyne(
                        space.nominal,
                        varied,
                        **task.run_arguments,
                        orthogonalise=rule == NOMINAL,
                    )
                    self._baselines[name] = sweep_nominal_rule(
                        InnerRun(task, optimizer), space, seeds=seeds, at_once=len(SWEPT_RATES)
                    )
                    folder.save_baselines(self._baselines)
                best = self._baselines[name].best
                say(
                    f"{name} rule, best at {SWEPT_RATES[best]:g} of its rates, ends at "
                    f"{self._baselines[name].final_losses[best]:.3f} nats"
                )

    def scores(self, values: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Mean score by task, from the same seeds every time; the best set has the lowest."""
        seeds = [self._seed_of(_EVALUATION, i) for i in range(NUM_EVALUATION_SEEDS)]
        by_seed = [self._losses(values, seed) for seed in seeds]
        return {
            task: float(np.mean([score(losses[task]) for losses in by_seed]))
            for task in self._learned
        }

    def compare(self, values: Mapping[str, np.ndarray], num_seeds: int) -> dict:
        """Final figures: regrets, and held-out losses at the end by task, from new seeds."""
        seeds = [self._seed_of(_FINAL, i) for i in range(num_seeds)]
        by_seed = [self._losses(values, seed) for seed in seeds]
        tasks = {}
        for name in self._learned:
            curves = [losses[name] for losses in by_seed]
            tasks[name] = {
                "regret": float(np.mean([self._regret(name, curve) for curve in curves])),
                "learned": float(np.mean([curve[-1] for curve in curves])),
            }
            for rule in (NOMINAL, ELEMENTWISE):
                baseline = self._baselines[f"{name}, {rule}"]
                tasks[name][rule] = baseline.final_losses[baseline.best]
            tasks[name]["plateau"] = baseline.plateau
        found = [task["regret"] for task in tasks.values()]
        mean = float(np.mean(found))
        return {"learned_regret": mean, "learned_worst": max(found), "tasks": tasks}

    def _losses(self, values, seed: int) -> dict[str, np.ndarray]:
        """Held-out losses by task, `[NUM_EVALUATIONS]`."""
        member = {name: value[np.newaxis] for name, value in values.items()}
        return {name: run(member, seed)[0] for name, run in self._learned.items()}

    def _regret(self, task: str, losses: np.ndarray) -> float:
        return float(regrets(losses[np.newaxis], self._baselines[f"{task}, {NOMINAL}"])[0])

    def _seed_of(self, purpose: int, index: int) -> int:
        return derived_seed(self._seed, purpose, index)
