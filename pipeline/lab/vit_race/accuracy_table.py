"""Curves of a task to figures by accuracy, and the time to a baseline's accuracy."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

from pipeline.lab.races.runs_file import Curve
from pipeline.lab.races.table import (
    Curves,
    markdown_table,
    mean_and_spread,
    mean_curve,
    most_accurate_rate,
)


@dataclasses.dataclass(frozen=True)
class Reach:
    """How long it took to be as right as another optimizer was at its end.

    Attributes:
      steps, cpu_seconds: of training; infinite where it never was.
    """

    steps: float
    cpu_seconds: float


@dataclasses.dataclass(frozen=True)
class Result:
    """One optimizer on one task, at its best rate.

    Attributes:
      optimizer: its name.
      rates: all that were tried, ascending.
      learning_rate: the best of them.
      accuracies, losses: final, held-out, one for each seed.
      steps, cpu_seconds: of a whole run, the mean of the seeds.
      to_accuracy: baseline -> until the mean accuracy was first that baseline's final one.
    """

    optimizer: str
    rates: list[float]
    learning_rate: float
    accuracies: list[float]
    losses: list[float]
    steps: int
    cpu_seconds: float
    to_accuracy: dict[str, Reach]


def results(curves: Mapping[str, Curves], baselines: Sequence[str]) -> list[Result]:
    """Sums a task up, in the order of the optimizers.

    Args:
      curves: optimizer -> rate -> curves of the seeds.
      baselines: those of them whose final accuracy all others are timed to.
    """
    best = {name: by_rate[most_accurate_rate(by_rate)] for name, by_rate in curves.items()}
    means = {name: mean_curve(of_seeds) for name, of_seeds in best.items()}
    return [
        Result(
            name,
            sorted(by_rate),
            most_accurate_rate(by_rate),
            [curve.accuracies[-1] for curve in best[name]],
            [curve.losses[-1] for curve in best[name]],
            means[name].steps[-1],
            means[name].cpu_seconds[-1],
            {
                each: first_reach(means[name], means[each].accuracies[-1])
                for each in baselines
                if each in means
            },
        )
        for name, by_rate in curves.items()
    ]


def first_reach(curve: Curve, accuracy: float) -> Reach:
    """Returns how long it took until the accuracy was first so high.

    Between two evaluations the accuracy is taken to rise linearly.
    """
    for index, value in enumerate(curve.accuracies):
        if not value >= accuracy:  # NaN is not
            continue
        if index == 0:
            return Reach(curve.steps[0], curve.cpu_seconds[0])
        before = curve.accuracies[index - 1]
        fraction = (accuracy - before) / (value - before)
        steps, seconds = (
            clock[index - 1] + fraction * (clock[index] - clock[index - 1])
            for clock in (curve.steps, curve.cpu_seconds)
        )
        return Reach(steps, seconds)
    return Reach(math.inf, math.inf)


def to_markdown(found: Sequence[Result]) -> str:
    """Returns the table of one task."""
    baselines = [*found[0].to_accuracy] if found else []
    headers = ["optimizer", "best rate", "accuracy %", "held-out loss", "CPU seconds of a run"]
    headers += [f"steps to {name}'s accuracy" for name in baselines]
    headers += [f"CPU seconds to {name}'s" for name in baselines]
    return markdown_table([_cells(each, baselines) for each in found], headers)


def _cells(result: Result, baselines: Sequence[str]) -> list[str]:
    reached = [result.to_accuracy[name] for name in baselines]
    return [
        result.optimizer,
        _rate(result),
        mean_and_spread([100 * each for each in result.accuracies], 2),
        mean_and_spread(result.losses, 3),
        f"{result.cpu_seconds:.0f}",
        *(_or_never(each.steps) for each in reached),
        *(_or_never(each.cpu_seconds) for each in reached),
    ]


def _or_never(value: float) -> str:
    return f"{value:.0f}" if math.isfinite(value) else "never"


def _rate(result: Result) -> str:
    if len(result.rates) == 1:
        return "none to set"
    is_at_end = result.learning_rate in (result.rates[0], result.rates[-1])
    return f"{result.learning_rate:g}" + (" (end of the sweep)" if is_at_end else "")
