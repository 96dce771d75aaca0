"""The story of `mnemosyne bench transfer`: do the released parameters fit other sizes?

A small BERT is compared with four that differ from it in one thing each: four times as wide, four
times as deep, eight times the batch, eight times the steps. At each point Mnemosyne runs untuned,
and the nominal rule at its best swept rates. It transfers where it ends no more than `TOLERANCE`
above that. A point where the best swept rates did not leave the plateau says nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.lab.races import contestants, race
from pipeline.lab.races.contestants import ADAMW, MNEMOSYNE, SWEPT_NOMINAL
from pipeline.lab.races.outcome import LEFT_BEHIND, Outcome
from pipeline.lab.races.settings import RaceSettings
from pipeline.lab.races.table import markdown_table
from pipeline.lab.races.tasks import berts
from pipeline.lab.races.tasks.berts import BertSize
from pipeline.lab.races.tasks.task import Task

TOLERANCE = 0.03
BASE = BertSize("transfer_base", 1, 64, 2, 1_024, 32, 32, 100, 6)
# The width of a head and the number of evaluations are the same at every point.
SIZES = (
    BASE,
    dataclasses.replace(BASE, name="transfer_width_x4", hidden_dim=256, num_heads=8),
    dataclasses.replace(BASE, name="transfer_depth_x4", num_layers=4),
    dataclasses.replace(BASE, name="transfer_batch_x8", batch_size=256),
    dataclasses.replace(BASE, name="transfer_steps_x8", eval_every_steps=800),
)
_HEADERS = (
    "point",
    "optimizer",
    "held-out loss",
    "best factor",
    "its loss",
    "difference",
    "verdict",
)


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Mnemosyne, untuned, at one point.

    Attributes:
        point: name of the task.
        optimizer: that ran untuned.
        loss: its mean final held-out loss, nats.
        best_factor: of the nominal rates, the best one tried.
        is_at_end: whether that is the lowest or highest tried.
        best_loss: mean final held-out loss of the nominal rule there, nats.
        plateau: nats.
    """

    point: str
    optimizer: str
    loss: float
    best_factor: float
    is_at_end: bool
    best_loss: float
    plateau: float

    @property
    def difference(self) -> float:
        """How far above the best swept rates it ended, nats."""
        return self.loss - self.best_loss

    @property
    def counts(self) -> bool:
        """Whether the best swept rates left the plateau."""
        return self.plateau - self.best_loss >= LEFT_BEHIND

    @property
    def is_within(self) -> bool:
        """Whether it transfers; NaN never does."""
        return self.difference <= TOLERANCE

    @property
    def verdict(self) -> str:
        """In words."""
        if not self.counts:
            return "on the plateau"
        return f"{'within' if self.is_within else 'not within'} {TOLERANCE}"


def run(
    settings: RaceSettings,
    *,
    tasks: Sequence[str] = (),
    optimizers: Sequence[str] = (),
    candidates: Sequence[str] = (),
) -> None:
    """Compares at every point and prints a last table with the verdicts.

    Args:
        settings: of the comparison.
        tasks: names of points; empty: all.
        optimizers: names of further contestants.
        candidates: files of meta-parameters, each of which has rows of its own.

    Raises:
        ValueError: a name is unknown, or several texts are given.
        FileNotFoundError: a file does not exist.
    """
    names = (ADAMW.name, SWEPT_NOMINAL.name, MNEMOSYNE.name)
    chosen = contestants.named({*names, *optimizers})
    chosen += [contestants.load_candidate(path) for path in candidates]
    points = transfer_tasks(settings.text, settings.records)
    outcomes = race.compare(settings, race.pick(points, tasks) if tasks else points, chosen)
    found = compare(outcomes)
    race.report(settings, outcomes, {"comparison": "transfer", "transfer": to_json(found)})
    print(f"\n{to_markdown(found)}")


def transfer_tasks(texts: Sequence[str], folder: str) -> list[Task]:
    """Returns a task for each of `SIZES`, all of them on the same records.

    Args:
        texts: one `GLOB` or `GLOB::LAYOUT`, or empty for the addresses.
        folder: where records are kept.

    Raises:
        ValueError: several texts are given.
    """
    text = berts.only_text(texts)
    return [berts.bert_task(size, text, folder) for size in SIZES]


def compare(outcomes: Sequence[Outcome]) -> list[Comparison]:
    """Compares every untuned Mnemosyne with the swept nominal rule, point by point."""
    found = []
    for outcome in outcomes:
        by_name = {result.optimizer: result for result in outcome.results}
        swept = by_name.pop(SWEPT_NOMINAL.name)
        found += [
            Comparison(
                outcome.task.name,
                name,
                float(np.mean(result.losses)),
                swept.learning_rate,
                swept.is_at_end,
                float(np.mean(swept.losses)),
                outcome.plateau,
            )
            for name, result in by_name.items()
            if name in outcome.mnemosynes
        ]
    return found


def to_markdown(comparisons: Sequence[Comparison]) -> str:
    """Returns a table with a row for each comparison."""
    rows = [
        (
            each.point,
            each.optimizer,
            f"{each.loss:.4f}",
            f"{each.best_factor:g}" + (" (end of the sweep)" if each.is_at_end else ""),
            f"{each.best_loss:.4f}",
            f"{each.difference:+.4f}",
            each.verdict,
        )
        for each in comparisons
    ]
    return markdown_table(rows, _HEADERS)


def to_json(comparisons: Sequence[Comparison]) -> list[dict[str, Any]]:
    """Returns the same rows with their figures."""
    return [
        {
            **vars(each),
            "difference": each.difference,
            "counts": each.counts,
            "is_within": each.is_within,
        }
        for each in comparisons
    ]
