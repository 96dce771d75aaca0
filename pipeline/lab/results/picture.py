"""Held-out loss over steps of a few optimizers, a panel for each BERT, as one picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.lab.races.contestants import CONTESTANTS
from pipeline.lab.races.outcome import Outcome
from pipeline.lab.races.table import best_rate, mean_curve

# Okabe and Ito's colours, which the colour-blind can distinguish.
_COLORS = {"mnemosyne": "#0072b2", "muon": "#e69f00", "adamw": "#444444"}
_DPI = 110


def save(path: str, outcomes: Sequence[Outcome]) -> None:
    """Draws a panel for each outcome; optimizers that were not run there are left out.

    Args:
        path: of the picture; its ending decides the format.
        outcomes: of the BERTs.

    Raises:
        ValueError: there is no outcome to draw.
    """
    if not outcomes:
        raise ValueError("--plot: expected runs of some BERT, received none. Leave it out.")
    figure = Figure(figsize=(4 * len(outcomes), 3.6), layout="constrained", dpi=_DPI)
    panels = figure.subplots(1, len(outcomes), squeeze=False)[0]
    handles = {}
    for axes, outcome in zip(panels, outcomes, strict=True):
        handles |= _panel(axes, outcome)
    panels[0].set_ylabel("held-out loss, nats")
    figure.legend(
        handles.values(),
        handles.keys(),
        loc="outside lower center",
        ncols=len(handles),
        frameon=False,
    )
    figure.savefig(path)


def _panel(axes: Axes, outcome: Outcome) -> dict:
    """Draws one panel; returns the handles of its legend by label."""
    handles = {}
    for name, color in _COLORS.items():
        contestant = CONTESTANTS[name]
        label = contestant.label + (", best of its rates" if contestant.is_swept else ", untuned")
        if by_rate := outcome.curves.get(name):
            curves = by_rate[best_rate(by_rate)]
            mean, losses = mean_curve(curves), np.array([curve.losses for curve in curves])
            (handles[label],) = axes.plot(mean.steps, mean.losses, color=color, lw=2)
            axes.fill_between(
                mean.steps, losses.min(0), losses.max(0), color=color, alpha=0.15, lw=0
            )
    if outcome.plateau is not None:
        label = "unigram loss"
        handles[label] = axes.axhline(outcome.plateau, color="#8a8a8a", ls=":", lw=1.2)
    task = outcome.task
    axes.set_title(f"{task.name}, batches of {task.batch_size}", fontsize=10)
    axes.set_xlabel("step")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e6e6e6")
    axes.set_axisbelow(True)
    return handles
