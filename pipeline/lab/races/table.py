"""Curves of a task to figures: best rate, final loss, and steps and time to AdamW's final loss."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np
from tabulate import tabulate

from pipeline.lab.races.runs_file import Curve

PACE = "adamw"  # the baseline whose final loss the others are timed to
Curves = Mapping[float, Sequence[Curve]]
HEADERS = (
    "optimizer",
    "best rate",
    "held-out loss",
    "accuracy",
    "steps to AdamW's loss",
    "seconds",
    "CPU seconds",
)


@dataclasses.dataclass(frozen=True)
class Result:
    """One optimizer on one task, at its best rate.

    Attributes:
        optimizer: name of the contestant.
        learning_rate: of those tried, the one with the lowest mean final loss.
        is_swept: whether several were tried.
        is_at_end: whether the best is the lowest or highest of them.
        losses, accuracies: final, held-out, one for each seed.
        steps_to_pace, seconds_to_pace, cpu_seconds_to_pace: until the held-out loss was the final
            one of the best AdamW, as fractions of AdamW's own; infinite where it never was.
    """

    optimizer: str
    learning_rate: float
    is_swept: bool
    is_at_end: bool
    losses: list[float]
    accuracies: list[float]
    steps_to_pace: float
    seconds_to_pace: float
    cpu_seconds_to_pace: float


def results(curves: Mapping[str, Curves]) -> list[Result]:
    """Sums a task up, best final loss first.

    Args:
        curves: optimizer -> rate -> curves of the seeds; without `adamw` no time is compared.
    """
    pace = mean_curve(curves[PACE][best_rate(curves[PACE])]) if PACE in curves else None
    found = [_result(name, by_rate, pace) for name, by_rate in curves.items()]
    return sorted(found, key=lambda result: _finite(np.mean(result.losses)))


def _result(optimizer: str, by_rate: Curves, pace: Curve | None) -> Result:
    rate = best_rate(by_rate)
    fractions = (math.inf,) * 3
    if pace is not None:
        reached = first_reach(mean_curve(by_rate[rate]), pace.losses[-1])
        ends = (pace.steps[-1], pace.seconds[-1], pace.cpu_seconds[-1])
        fractions = (value / end for value, end in zip(reached, ends, strict=True))
    return Result(
        optimizer,
        rate,
        len(by_rate) > 1,
        len(by_rate) > 1 and rate in (min(by_rate), max(by_rate)),
        [curve.losses[-1] for curve in by_rate[rate]],
        [curve.accuracies[-1] for curve in by_rate[rate]],
        *fractions,
    )


def best_rate(by_rate: Curves) -> float:
    """Returns the rate with the lowest mean final loss; a run that diverged counts as infinite.

    Rates are compared over the seeds that all of them have.
    """
    seeds = min(map(len, by_rate.values()))

    def final(rate: float) -> float:
        return _finite(np.mean([curve.losses[-1] for curve in by_rate[rate][:seeds]]))

    return min(by_rate, key=final)


def most_accurate_rate(by_rate: Curves) -> float:
    """Returns the rate with the highest mean final accuracy; of equal ones, the lowest loss.

    Rates are compared over the seeds that all of them have; a run that diverged is the worst.
    """
    seeds = min(map(len, by_rate.values()))

    def rank(rate: float) -> tuple[float, float]:
        losses = [curve.losses[-1] for curve in by_rate[rate][:seeds]]
        if not np.isfinite(losses).all():
            return math.inf, math.inf
        accuracies = [curve.accuracies[-1] for curve in by_rate[rate][:seeds]]
        return -float(np.mean(accuracies)), float(np.mean(losses))

    return min(by_rate, key=rank)


def _finite(loss: float) -> float:
    return float(loss) if math.isfinite(loss) else math.inf


def mean_curve(curves: Sequence[Curve]) -> Curve:
    """Returns the mean over seeds, evaluation by evaluation."""
    return Curve(
        list(curves[0].steps),
        *(
            np.mean([getattr(curve, name) for curve in curves], axis=0).tolist()
            for name in ("seconds", "cpu_seconds", "losses", "accuracies")
        ),
    )


def first_reach(curve: Curve, loss: float) -> tuple[float, float, float]:
    """Returns steps, seconds and CPU seconds until the loss first was `loss` or less, or infinity.

    Between two evaluations the loss is taken to fall linearly.
    """
    clocks = (curve.steps, curve.seconds, curve.cpu_seconds)
    for index, value in enumerate(curve.losses):
        if not value <= loss:  # NaN is not
            continue
        if index == 0:
            return tuple(values[0] for values in clocks)
        before = curve.losses[index - 1]
        fraction = (before - loss) / (before - value)
        return tuple(
            values[index - 1] + fraction * (values[index] - values[index - 1]) for values in clocks
        )
    return math.inf, math.inf, math.inf


def to_markdown(found: Sequence[Result]) -> str:
    """Returns the table of one task."""
    return markdown_table([_cells(result) for result in found], HEADERS)


def markdown_table(rows: Sequence[Sequence[str]], headers: Sequence[str]) -> str:
    """Returns rows of text as a Markdown table; nothing is read as a number."""
    return tabulate(rows, headers, tablefmt="github", disable_numparse=True)


def mean_and_spread(values: Sequence[float], decimals: int) -> str:
    """Returns the mean, and with several values "+-" their standard deviation."""
    spread = np.std(values, ddof=1) if len(values) > 1 else math.nan
    mean = f"{np.mean(values):.{decimals}f}"
    return mean if math.isnan(spread) else f"{mean} +- {spread:.{decimals}f}"


def fraction_or_never(value: float) -> str:
    """Returns a fraction of AdamW's steps, or "never"."""
    return f"{value:.2f}" if math.isfinite(value) else "never"


def rate_in_words(result: Result) -> str:
    """Returns the best rate and whether it is at an end; "none to set" where one was tried."""
    if not result.is_swept:
        return "none to set"
    return f"{result.learning_rate:g}" + (" (end of the sweep)" if result.is_at_end else "")


def _cells(result: Result) -> tuple[str, ...]:
    return (
        result.optimizer,
        rate_in_words(result),
        mean_and_spread(result.losses, 4),
        mean_and_spread([100 * value for value in result.accuracies], 2),
        fraction_or_never(result.steps_to_pace),
        fraction_or_never(result.seconds_to_pace),
        fraction_or_never(result.cpu_seconds_to_pace),
    )
