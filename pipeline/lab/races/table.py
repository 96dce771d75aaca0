"""What a race says: of each optimizer the best rate, where it ended, and when it had caught up."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.lab.races.contestants import is_swept
from pipeline.lab.races.run import Curve

PACE = "adamw"
Curves = Mapping[float, Sequence[Curve]]


@dataclasses.dataclass(frozen=True)
class Result:
    """One optimizer on one task, at its best rate.

    Attributes:
        optimizer: a key of `race_optimizers.RATES`.
        learning_rate: of those tried, the one with the lowest mean final loss.
        is_at_end: whether that is the lowest or highest of several tried.
        losses, accuracies: final, held-out, one for each seed.
        steps_to_pace, seconds_to_pace, cpu_seconds_to_pace: until the held-out loss was that of
            the best AdamW at its end, as shares of AdamW's own; infinite where it never was.
    """

    optimizer: str
    learning_rate: float
    is_at_end: bool
    losses: list[float]
    accuracies: list[float]
    steps_to_pace: float
    seconds_to_pace: float
    cpu_seconds_to_pace: float


def results(curves: Mapping[str, Curves]) -> list[Result]:
    """Sums a task up, best final loss first.

    Args:
        curves: optimizer -> rate -> curves of the seeds; `adamw` must be among the optimizers.
    """
    pace = mean_curve(curves[PACE][best_rate(curves[PACE])])
    found = []
    for optimizer, by_rate in curves.items():
        rate = best_rate(by_rate)
        reached = first_reach(mean_curve(by_rate[rate]), pace.losses[-1])
        ends = (pace.steps[-1], pace.seconds[-1], pace.cpu_seconds[-1])
        found.append(
            Result(
                optimizer,
                rate,
                len(by_rate) > 1 and rate in (min(by_rate), max(by_rate)),
                [curve.losses[-1] for curve in by_rate[rate]],
                [curve.accuracies[-1] for curve in by_rate[rate]],
                *(value / end for value, end in zip(reached, ends, strict=True)),
            )
        )
    return sorted(found, key=lambda result: _finite(np.mean(result.losses)))


def best_rate(by_rate: Curves) -> float:
    """Returns the rate with the lowest mean final loss; a run that diverged counts as infinite.

    Rates are compared over the seeds that all of them have.
    """
    seeds = min(map(len, by_rate.values()))

    def final(rate: float) -> float:
        return _finite(np.mean([curve.losses[-1] for curve in by_rate[rate][:seeds]]))

    return min(by_rate, key=final)


def _finite(loss: float) -> float:
    return float(loss) if math.isfinite(loss) else math.inf


def mean_curve(curves: Sequence[Curve]) -> Curve:
    """Returns the mean over seeds, step by step."""
    return Curve(
        list(curves[0].steps),
        *(
            np.mean([getattr(curve, name) for curve in curves], axis=0).tolist()
            for name in ("seconds", "cpu_seconds", "losses", "accuracies")
        ),
    )


def first_reach(curve: Curve, loss: float) -> tuple[float, float, float]:
    """Returns steps, seconds and CPU seconds until the loss first was `loss` or less, or infinity.

    Between two evaluations the loss is taken to fall evenly.
    """
    clocks = (curve.steps, curve.seconds, curve.cpu_seconds)
    for place, value in enumerate(curve.losses):
        if not value <= loss:  # NaN is not
            continue
        if place == 0:
            return tuple(values[0] for values in clocks)
        before = curve.losses[place - 1]
        share = (before - loss) / (before - value)
        return tuple(
            values[place - 1] + share * (values[place] - values[place - 1]) for values in clocks
        )
    return math.inf, math.inf, math.inf


def to_markdown(found: Sequence[Result]) -> str:
    """Returns the table of one task."""
    lines = [
        "| optimizer | best rate | held-out loss | accuracy | steps to AdamW's loss | seconds | "
        "CPU seconds |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for result in found:
        rate = f"{result.learning_rate:g}" if is_swept(result.optimizer) else "none to set"
        cells = (
            result.optimizer,
            f"{rate} (end of the sweep)" if result.is_at_end else rate,
            _mean_and_spread(result.losses, "{:.4f}"),
            _mean_and_spread([100 * value for value in result.accuracies], "{:.2f}"),
            _share(result.steps_to_pace),
            _share(result.seconds_to_pace),
            _share(result.cpu_seconds_to_pace),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _mean_and_spread(values: Sequence[float], form: str) -> str:
    spread = np.std(values, ddof=1) if len(values) > 1 else math.nan
    mean = form.format(np.mean(values))
    return mean if math.isnan(spread) else f"{mean} +- {form.format(spread)}"


def _share(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else "never"
