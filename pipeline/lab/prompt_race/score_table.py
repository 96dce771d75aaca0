"""Runs of the cells to tables: one of each cell, and one of the means over its tasks."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from pipeline.lab.races.runs_file import Curve
from pipeline.lab.races.table import markdown_table, mean_and_spread

_HEADERS = ("optimizer", "rate", "score %", "loss on dev", "CPU seconds of a run")


@dataclasses.dataclass(frozen=True)
class Result:
    """One optimizer in one cell.

    Attributes:
      checkpoint: folder of the frozen model.
      task: its name.
      prompt_length: vectors.
      optimizer: its name in the comparison.
      rates: all that were tried at the shortest length, ascending; a single one was not swept.
      learning_rate: the best of them.
      scores: on dev, in [0, 1] or of correlations [-1, 1], one for each seed.
      losses: on dev, one for each seed.
      cpu_seconds: of a whole run, the mean of the seeds.
    """

    checkpoint: str
    task: str
    prompt_length: int
    optimizer: str
    rates: list[float]
    learning_rate: float
    scores: list[float]
    losses: list[float]
    cpu_seconds: float

    @property
    def rate_in_words(self) -> str:
        """The rate, and whether it is at an end of those that were tried."""
        if len(self.rates) == 1:
            return "none to set" if self.optimizer == "mnemosyne" else f"{self.learning_rate:g}"
        is_at_end = self.learning_rate in (self.rates[0], self.rates[-1])
        return f"{self.learning_rate:g}" + (" (end of the sweep)" if is_at_end else "")


def result(
    checkpoint: str,
    task: str,
    prompt_length: int,
    optimizer: str,
    *,
    rates: Sequence[float],
    learning_rate: float,
    curves: Sequence[Curve],
) -> Result:
    """Sums up the curves of the seeds at the best rate; `Result` says what is what."""
    return Result(
        checkpoint,
        task,
        prompt_length,
        optimizer,
        sorted(rates),
        learning_rate,
        [curve.accuracies[-1] for curve in curves],
        [curve.losses[-1] for curve in curves],
        float(np.mean([curve.cpu_seconds[-1] for curve in curves])),
    )


def cell_table(found: Sequence[Result]) -> str:
    """Returns the table of one cell."""
    rows = [
        (
            each.optimizer,
            each.rate_in_words,
            _percent(each.scores),
            mean_and_spread(each.losses, 3),
            f"{each.cpu_seconds:.0f}",
        )
        for each in found
    ]
    return markdown_table(rows, _HEADERS)


def summary_table(found: Sequence[Result]) -> str:
    """Returns a row for each frozen model, length and optimizer: each task, then their mean.

    The mean over tasks is taken for each seed; its spread is that of the seeds.
    """
    tasks = list(dict.fromkeys(each.task for each in found))
    by_row: dict[tuple, dict[str, list[float]]] = {}
    for each in found:
        row = (each.checkpoint, str(each.prompt_length), each.optimizer)
        by_row.setdefault(row, {})[each.task] = each.scores
    rows = [
        (
            *row,
            *(_percent(scores[task]) for task in tasks),
            _percent(np.mean([*scores.values()], axis=0)),
        )
        for row, scores in by_row.items()
    ]
    return markdown_table(rows, ["frozen model", "vectors", "optimizer", *tasks, "mean of tasks"])


def _percent(scores: Sequence[float]) -> str:
    return mean_and_spread([100 * each for each in scores], 1)
