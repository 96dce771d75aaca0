"""A comparison as a picture: curves at the best rates, steps to AdamW's loss, loss by rate."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

import matplotlib
import numpy as np

from pipeline.lab.races.outcome import Outcome
from pipeline.lab.races.table import Curves, best_rate, mean_curve

_LEAST_CEILING = 2.0  # of the sweep's axis, times the worst of the best; diverged runs lie above
_CHARACTERS_BELOW = 70  # characters in a line under the bars


def draw(outcomes: Sequence[Outcome], path: str) -> None:
    """Draws a row for each task: loss over steps, steps to AdamW's loss, final loss over the rate.

    Args:
        outcomes: one of each task.
        path: of the picture; its ending says which kind.
    """
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(
        len(outcomes), 3, figsize=(16, 4.4 * len(outcomes)), squeeze=False, layout="constrained"
    )
    for outcome, (left, middle, right) in zip(outcomes, axes, strict=True):
        styles = {
            optimizer: {
                "color": f"C{index % 10}",
                "linewidth": 2.4 if optimizer in outcome.mnemosynes else 1.2,
                "linestyle": "-" if index < 10 else "--",
            }
            for index, optimizer in enumerate(outcome.curves)
        }
        for optimizer, by_rate in outcome.curves.items():
            _draw_curve(left, optimizer, by_rate, styles[optimizer])
            _draw_sensitivity(right, by_rate, styles[optimizer])
        _draw_bars(middle, outcome, styles)
        for axis in (left, right):
            if outcome.plateau is not None:
                axis.axhline(outcome.plateau, color="black", linestyle=":", label="plateau")
        left.set(
            title=f"{outcome.task.name}: at the best rate of each",
            xlabel="step",
            ylabel="held-out loss",
            yscale="log" if outcome.plateau is None else "linear",
        )
        right.set(
            title="final loss at every rate tried",
            xlabel="rate / best rate of the same optimizer",
        )
        right.set_xscale("log", base=2)
        right.xaxis.set_major_formatter(pyplot.FormatStrFormatter("%g"))
        _limit(right, outcome)
        # Below the axes: within them it would hide the plateau or where curves begin.
        left.legend(fontsize="small", ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.14))
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def _draw_curve(axis, optimizer: str, by_rate: Curves, style: dict) -> None:
    seeds = by_rate[best_rate(by_rate)]
    mean = mean_curve(seeds)
    losses = np.array([curve.losses for curve in seeds])
    axis.plot(mean.steps, mean.losses, label=optimizer, **style)
    axis.fill_between(
        mean.steps, losses.min(axis=0), losses.max(axis=0), color=style["color"], alpha=0.15
    )


def _draw_bars(axis, outcome: Outcome, styles: dict[str, dict]) -> None:
    """A bar as long as the fraction of AdamW's steps; "never" where its loss was not reached."""
    order = outcome.results[::-1]
    for index, result in enumerate(order):
        steps = result.steps_to_pace
        length, text = (steps, f" {steps:.2f}") if math.isfinite(steps) else (0.0, " never")
        axis.barh(index, length, color=styles[result.optimizer]["color"])
        axis.text(length, index, text, va="center", fontsize="small")
    axis.set_yticks(range(len(order)), [result.optimizer for result in order], fontsize="small")
    axis.axvline(1.0, color="black", linewidth=0.8)
    verdict = textwrap.fill(outcome.verdict(), _CHARACTERS_BELOW)
    xlabel = f"fraction of AdamW's\n{verdict}"
    axis.set(title="steps to AdamW's final loss", xlabel=xlabel, xlim=(0, 1.2))


def _draw_sensitivity(axis, by_rate: Curves, style: dict) -> None:
    """Rates are drawn relative to the optimizer's own best: scales differ by a thousand."""
    rates = sorted(by_rate)
    finals = [np.array([curve.losses[-1] for curve in by_rate[rate]]) for rate in rates]
    means = [final.mean() for final in finals]
    if len(rates) == 1:
        axis.axhline(means[0], **(style | {"linestyle": "--"}))
        return
    spread = [final.std() for final in finals]
    best = best_rate(by_rate)
    axis.errorbar([rate / best for rate in rates], means, spread, marker="o", capsize=2, **style)


def _limit(axis, outcome: Outcome) -> None:
    finals = [np.mean(result.losses) for result in outcome.results]
    finals = [final for final in finals if math.isfinite(final)]
    if outcome.plateau is None:
        axis.set_ylim(0.97 * min(finals), _LEAST_CEILING * max(finals))
    else:
        room = outcome.plateau - min(finals)
        axis.set_ylim(min(finals) - 0.1 * abs(room), outcome.plateau + 0.3 * abs(room))
