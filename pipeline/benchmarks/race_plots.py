"""A race as pictures: curves at the best rates, and how much each depends on its rate."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pipeline.benchmarks.race_table import Curves, best_rate, mean_curve

_OURS = "mnemosyne"


def draw(tasks: Mapping[str, Mapping[str, Curves]], path: str) -> None:
    """Draws a row for each task: loss over steps at the best rate, and final loss over the rate.

    Args:
        tasks: task -> optimizer -> rate -> curves of the seeds.
        path: of the picture; its ending says which kind.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(
        len(tasks), 2, figsize=(11, 4.2 * len(tasks)), squeeze=False, layout="constrained"
    )
    for (task, curves), (left, right) in zip(tasks.items(), axes, strict=True):
        for place, (optimizer, by_rate) in enumerate(curves.items()):
            is_ours = optimizer.startswith(_OURS)
            style = {"color": f"C{place}", "linewidth": 2.4 if is_ours else 1.2}
            _draw_curve(left, optimizer, by_rate, style)
            _draw_sensitivity(right, by_rate, style)
        left.set(title=f"{task}: at the best rate of each", xlabel="step", ylabel="held-out loss")
        right.set(
            title="final loss at every rate tried",
            xlabel="rate / best rate of the same optimizer",
            xscale="log",
        )
        finals = [
            np.mean([curve.losses[-1] for curve in by_rate[best_rate(by_rate)]])
            for by_rate in curves.values()
        ]
        right.set_ylim(0.97 * min(finals), 2.0 * max(finals))
        left.set_yscale("log")
        left.legend(fontsize="small", ncols=2)
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


def _draw_sensitivity(axis, by_rate: Curves, style: dict) -> None:
    """Rates are drawn relative to the optimizer's own best: scales differ by a thousand."""
    rates = sorted(by_rate)
    finals = [np.array([curve.losses[-1] for curve in by_rate[rate]]) for rate in rates]
    means = [final.mean() for final in finals]
    if len(rates) == 1:
        axis.axhline(means[0], linestyle="--", **style)
        return
    spread = [final.std() for final in finals]
    best = best_rate(by_rate)
    axis.errorbar([rate / best for rate in rates], means, spread, marker="o", capsize=2, **style)
