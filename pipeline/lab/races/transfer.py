"""Transfer: whether what ships is as good at sizes that nobody set it for.

Beside a small BERT stand four that differ from it in one thing each: four times as wide, four times
as deep, eight times the batch, eight times the steps. At every one of these points Mnemosyne runs
as it is, and the nominal rule at its best swept rates. It transfers where it ends no more than
`TOLERANCE` above that. A point where the best swept rates did not leave the plateau says nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.lab.races import bert_tasks
from pipeline.lab.races.bert_tasks import BertSize
from pipeline.lab.races.contestants import MNEMOSYNE, NOMINAL, is_ours
from pipeline.lab.races.outcome import LEFT_BEHIND, Outcome
from pipeline.lab.races.table import PACE
from pipeline.lab.races.tasks import Task

TOLERANCE = 0.03
CONTESTANTS = (PACE, NOMINAL, MNEMOSYNE)
BASE = BertSize("transfer_base", 1, 64, 2, 1_024, 32, 32, 100, 6)
# Heads stay as wide as they are. Looks at the held-out part stay as many as they are.
SIZES = (
    BASE,
    dataclasses.replace(BASE, name="transfer_width_x4", hidden_dim=256, num_heads=8),
    dataclasses.replace(BASE, name="transfer_depth_x4", num_layers=4),
    dataclasses.replace(BASE, name="transfer_batch_x8", batch_size=256),
    dataclasses.replace(BASE, name="transfer_steps_x8", eval_every_steps=800),
)


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Mnemosyne, untuned, at one point.

    Attributes:
        point: name of the task.
        optimizer: what ran untuned.
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
        """Whether the best swept rates left the plateau behind."""
        return self.plateau - self.best_loss >= LEFT_BEHIND

    @property
    def verdict(self) -> str:
        """In words; NaN is never within the tolerance."""
        if not self.counts:
            return "on the plateau"
        return f"{'within' if self.difference <= TOLERANCE else 'not within'} {TOLERANCE}"


def transfer_tasks(texts: list[str] | None, folder: str) -> list[Task]:
    """Returns a task for each of `SIZES`, all of them on the same records.

    Args:
        texts: one `GLOB` or `GLOB::LAYOUT`, or `masked_lm_records.ADDRESSES`. None: the addresses.
        folder: where records are kept.

    Raises:
        ValueError: several texts are given.
    """
    text = bert_tasks.only_text(texts, "transfer")
    return [bert_tasks.bert_task(size, text, folder) for size in SIZES]


def compare(outcomes: Sequence[Outcome]) -> list[Comparison]:
    """Compares whatever of ours ran untuned with the swept nominal rule, point by point."""
    found = []
    for outcome in outcomes:
        by_name = {result.optimizer: result for result in outcome.results}
        swept = by_name.pop(NOMINAL)
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
            if is_ours(name)
        ]
    return found


def to_markdown(comparisons: Sequence[Comparison]) -> str:
    """Returns a table with a row for each comparison."""
    lines = [
        "| point | optimizer | held-out loss | best factor | its loss | difference | verdict |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for each in comparisons:
        end = " (end of the sweep)" if each.is_at_end else ""
        lines.append(
            f"| {each.point} | {each.optimizer} | {each.loss:.4f} | {each.best_factor:g}{end} | "
            f"{each.best_loss:.4f} | {each.difference:+.4f} | {each.verdict} |"
        )
    return "\n".join(lines)


def to_json(comparisons: Sequence[Comparison]) -> list[dict[str, Any]]:
    """Returns the same rows with their figures."""
    return [
        vars(each) | {"difference": each.difference, "verdict": each.verdict}
        for each in comparisons
    ]
