"""The outcome of a comparison on one task: whether it counts, and its figures as text and JSON."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np

from pipeline.lab.races import table
from pipeline.lab.races.table import PACE, Curves, Result
from pipeline.lab.races.tasks.task import Task

# Nats below the plateau at which the best AdamW must end, lest every run is still on it.
LEFT_BEHIND = 0.3


@dataclasses.dataclass(frozen=True)
class Outcome:
    """All curves of a task.

    Attributes:
        task: what was learned.
        curves: optimizer -> rate -> curves of the seeds; without `adamw` there is no verdict.
        plateau: nats, or None where the task has none.
        mnemosynes: names of those optimizers that are Mnemosyne, whole or without a part.
    """

    task: Task
    curves: dict[str, Curves]
    plateau: float | None
    mnemosynes: frozenset[str] = frozenset()

    @functools.cached_property
    def results(self) -> list[Result]:
        """Best final loss first."""
        return table.results(self.curves)

    @property
    def below_plateau(self) -> float | None:
        """How far the best AdamW ended below the plateau, nats; None where one is missing."""
        if self.plateau is None or PACE not in self.curves:
            return None
        (pace,) = (result for result in self.results if result.optimizer == PACE)
        return self.plateau - float(np.mean(pace.losses))

    @property
    def counts(self) -> bool:
        """Whether the comparison says anything: AdamW left the plateau, or one is missing."""
        below = self.below_plateau
        return below is None or below >= LEFT_BEHIND

    def verdict(self) -> str:
        """Returns in words whether it counts; nothing where plateau or AdamW is missing."""
        below = self.below_plateau
        if below is None:
            return ""
        if self.counts:
            return f"counts: AdamW ends {below:.2f} nats below the plateau of {self.plateau:.3f}"
        where = f"only {below:.2f} nats below" if below > 0 else f"{-below:.2f} nats above"
        return (
            f"does not count: AdamW ends {where} the plateau of {self.plateau:.3f}; at least "
            f"{LEFT_BEHIND} nats below it are required"
        )

    def to_markdown(self) -> str:
        """Returns a heading line, the verdict and the table."""
        task = self.task
        seeds = max(len(result.losses) for result in self.results)
        heading = (
            f"{task.name}: {task.num_train_steps:,} steps of {task.batch_size}, {seeds} seed(s)"
        )
        about = f"; {task.about}" if task.about else ""
        parts = [heading + about, self.verdict(), table.to_markdown(self.results)]
        return "\n\n".join(filter(None, parts))

    def to_json(self) -> dict[str, Any]:
        """Returns settings, figures and all curves."""
        task = self.task
        return {
            "steps": task.num_train_steps,
            "batch_size": task.batch_size,
            "about": task.about,
            "plateau": self.plateau,
            "adamw_below_plateau": self.below_plateau,
            "counts": self.counts,
            "results": [vars(result) for result in self.results],
            "curves": {
                optimizer: {
                    f"{rate:g}": [vars(curve) for curve in curves]
                    for rate, curves in by_rate.items()
                }
                for optimizer, by_rate in self.curves.items()
            },
        }

    def summary(self) -> str:
        """Returns the ranks of Mnemosyne and its ablations, in one line."""
        order = [result.optimizer for result in self.results]
        ranks = ", ".join(
            f"{each} {rank}." for rank, each in enumerate(order, start=1) if each in self.mnemosynes
        )
        line = f"{self.task.name}: {ranks or 'no mnemosyne'} of {len(order)}, first {order[0]}"
        return line + ("" if self.counts else " (does not count)")
