"""Regret, which evolution lowers: a score compared with that of the best swept nominal rule.

The score of a run is the mean logarithm of its held-out loss over its second half, so it reflects
both where the run ends and when it left its plateau. A regret is a score less that of the nominal
rule at the best of its swept rates on the same task.
"""

from __future__ import annotations

import dataclasses
import time

import numpy as np

from pipeline.lab.meta_training.evolution.search_space import SearchSpace
from pipeline.lab.meta_training.inner_run import InnerRun
from pipeline.lab.meta_training.settings import NUM_EVALUATIONS

# Multiples of the nominal rates.
SWEPT_RATES = (0.25, 0.5, 1.0, 2.0)
MAX_REGRET = 2.0
_RATES = ("rule/matrix_rate", "rule/elementwise_rate")


@dataclasses.dataclass(frozen=True)
class Baseline:
    """The nominal rule on one task, swept.

    Attributes:
        scores: mean score at each of `SWEPT_RATES`.
        final_losses: mean held-out loss at the end, at each, nats.
        plateau: of the task, nats.
        steps_per_second: inner steps of all members together, compilation left out.
    """

    scores: list[float]
    final_losses: list[float]
    plateau: float
    steps_per_second: float

    @property
    def best(self) -> int:
        """Index of the best rate."""
        return int(np.nanargmin(self.scores))


def score(losses: np.ndarray) -> np.ndarray:
    """Scores `[members]` of held-out losses `[members, NUM_EVALUATIONS]`, or NaN."""
    return np.log(losses[:, NUM_EVALUATIONS // 2 :]).mean(axis=1)


def regrets(losses: np.ndarray, baseline: Baseline) -> np.ndarray:
    """Regrets of members, `[members]`; a run that exploded has `MAX_REGRET`, none has more."""
    raw = score(losses) - baseline.scores[baseline.best]
    return np.minimum(np.where(np.isfinite(raw), raw, MAX_REGRET), MAX_REGRET)


def objective(by_task: np.ndarray, worst_task_weight: float) -> np.ndarray:
    """The objective, `[members]`: the mean regret, plus the worst times its weight.

    Args:
        by_task: `[tasks, members]`.
        worst_task_weight: with 0 a gain on one task may outweigh a loss on another.
    """
    return by_task.mean(axis=0) + worst_task_weight * by_task.max(axis=0)


def run_points(
    run: InnerRun, space: SearchSpace, points: np.ndarray, *, seed: int, at_once: int
) -> np.ndarray:
    """Held-out losses of points, `[points, NUM_EVALUATIONS]`; `at_once` of them in a program."""
    losses = []
    for begin in range(0, len(points), at_once):
        block = points[begin : begin + at_once]
        # The program is compiled for so many members: a short block is filled up.
        filled = np.concatenate([block, block[-1:].repeat(at_once - len(block), axis=0)])
        losses.append(run(space.values(filled), seed)[: len(block)])
    return np.concatenate(losses)


def sweep_nominal_rule(
    run: InnerRun, space: SearchSpace, *, seeds: list[int], at_once: int
) -> Baseline:
    """Runs the nominal rule at every rate from every seed, and once more to take the time."""
    by_seed = [_sweep(run, space, seed, at_once) for seed in seeds]
    started = time.perf_counter()
    _sweep(run, space, seeds[0], at_once, rates=SWEPT_RATES[:1])
    steps_per_second = at_once * run.task.num_steps / (time.perf_counter() - started)
    return Baseline(
        scores=np.mean([score(losses) for losses in by_seed], axis=0).tolist(),
        final_losses=np.mean(by_seed, axis=0)[:, -1].tolist(),
        plateau=run.task.plateau,
        steps_per_second=steps_per_second,
    )


def _sweep(run, space, seed, at_once, rates=SWEPT_RATES) -> np.ndarray:
    losses = []
    for begin in range(0, len(rates), at_once):
        block = rates[begin : begin + at_once]
        filled = np.array([*block, *block[-1:] * (at_once - len(block))], np.float32)
        values = space.values(np.zeros([at_once, space.num_coords]))
        values |= {name: values[name] * filled for name in _RATES}
        losses.append(run(values, seed)[: len(block)])
    return np.concatenate(losses)
