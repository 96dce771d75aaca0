"""The outcome of a race on one task: whether it counts, its figures in words and as JSON."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np

from pipeline.lab.races import table
from pipeline.lab.races.contestants import is_ours
from pipeline.lab.races.table import PACE, Curves, Result
from pipeline.lab.races.tasks import Task

# Nats below the plateau at which the best AdamW must end, lest every run is still on it.
LEFT_BEHIND = 0.3


@dataclasses.dataclass(frozen=True)
class Outcome:
    """All curves of a task.

    Attributes:
        task: what was raced on.
        curves: optimizer -> rate -> curves of the seeds; `adamw` is among them.
        plateau: nats, or None where the task has none.
    """

    task: Task
    curves: dict[str, Curves]
    plateau: float | None

    @functools.cached_property
    def results(self) -> list[Result]:
        """Best final loss first."""
        return table.results(self.curves)

    def below_plateau(self) -> float | None:
        """Returns how far, in nats, the best AdamW ended below the plateau."""
        if self.plateau is None:
            return None
        (pace,) = (result for result in self.results if result.optimizer == PACE)
        return self.plateau - float(np.mean(pace.losses))

    def verdict(self) -> str:
        """Returns whether the race counts, in words; nothing where there is no plateau."""
        below = self.below_plateau()
        if below is None:
            return ""
        if below >= LEFT_BEHIND:
            return f"counts: AdamW ends {below:.2f} nats below the plateau of {self.plateau:.3f}"
        where = f"only {below:.2f} nats below" if below > 0 else f"{-below:.2f} nats above"
        return (
            f"does not count: AdamW ends {where} the plateau of {self.plateau:.3f}; at least "
            f"{LEFT_BEHIND} nats below it are asked for"
        )

    def to_markdown(self) -> str:
        """Returns a heading line, the verdict and the table."""
        task = self.task
        seeds = max(len(result.losses) for result in self.results)
        heading = (
            f"{task.name}: {task.num_train_steps:,} steps of {task.batch_size}, {seeds} seed(s)"
        )
        about = f"; {task.about}" if task.about else ""
        said = [heading + about, self.verdict(), table.to_markdown(self.results)]
        return "\n\n".join(filter(None, said))

    def to_json(self) -> dict[str, Any]:
        """Returns settings, figures and all curves."""
        task, below = self.task, self.below_plateau()
        return {
            "steps": task.num_train_steps,
            "batch_size": task.batch_size,
            "about": task.about,
            "plateau": self.plateau,
            "adamw_below_plateau": below,
            "counts": None if below is None else below >= LEFT_BEHIND,
            "results": [vars(result) for result in self.results],
            "curves": {
                optimizer: {
                    f"{rate:g}": [vars(curve) for curve in curves]
                    for rate, curves in by_rate.items()
                }
                for optimizer, by_rate in self.curves.items()
            },
        }

    def last_words(self) -> str:
        """Returns the places of ours, in one line."""
        order = [result.optimizer for result in self.results]
        ours = [each for each in order if is_ours(each)]
        places = ", ".join(f"{each} {order.index(each) + 1}." for each in ours)
        said = f"{self.task.name}: {places or 'no mnemosyne'} of {len(order)}, first {order[0]}"
        return said + (" (does not count)" if self.verdict().startswith("does not") else "")
