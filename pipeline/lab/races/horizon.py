"""The horizon: whether a run ten times as long as any of meta-training ends where it got to.

What was learned on runs of some length may do well up to there and fall apart afterwards. A small
BERT is trained for `NUM_STEPS`; a run has diverged where it ends more than `TOLERANCE` above the
lowest loss it had, or where a loss is no number.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
from collections.abc import Sequence

import numpy as np

from pipeline.lab import figures_file
from pipeline.lab.races import bert_tasks
from pipeline.lab.races import sweep as race_sweep
from pipeline.lab.races.contestants import MNEMOSYNE
from pipeline.lab.races.run import Curve
from pipeline.lab.races.tasks import Task
from pipeline.lab.races.transfer import BASE

TOLERANCE = 0.05  # nats; between two looks, a loss of 2,000 sequences moves by less
NUM_STEPS = 12_000  # ten times the longest runs of the recipe `rates`
_LOOKS = 24
SIZE = dataclasses.replace(
    BASE, name="horizon", eval_every_steps=NUM_STEPS // _LOOKS, num_evaluations=_LOOKS
)


@dataclasses.dataclass(frozen=True)
class Ending:
    """How the runs of one optimizer ended.

    Attributes:
        optimizer: what ran, untuned.
        finals, lowest: held-out losses of each seed, at the end and at the best look, nats.
        plateau: nats.
    """

    optimizer: str
    finals: list[float]
    lowest: list[float]
    plateau: float

    @property
    def diverged(self) -> int:
        """How many seeds did."""
        gaps = np.subtract(self.finals, self.lowest)
        return int(np.sum(~(gaps <= TOLERANCE)))


def horizon_task(texts: list[str] | None, folder: str) -> Task:
    """Returns the long run; a text too short for it is read several times over.

    Args:
        texts: one `GLOB` or `GLOB::LAYOUT`, or `masked_lm_records.ADDRESSES`. None: the addresses.
        folder: where records are kept.

    Raises:
        ValueError: several texts are given.
    """
    return bert_tasks.bert_task(SIZE, bert_tasks.only_text(texts, "horizon"), folder)


def ending(optimizer: str, curves: Sequence[Curve], plateau: float) -> Ending:
    """Sums up the curves of the seeds."""
    losses = [curve.losses for curve in curves]
    lowest = [float(np.nanmin(each)) for each in losses]
    return Ending(optimizer, [each[-1] for each in losses], lowest, plateau)


def to_markdown(endings: Sequence[Ending]) -> str:
    """Returns a table with a row for each optimizer."""
    lines = [
        "| optimizer | plateau | lowest held-out loss | at the end | diverged |",
        "| --- | --- | --- | --- | --- |",
    ]
    for each in endings:
        lowest, finals = (
            ", ".join(f"{loss:.4f}" for loss in losses) for losses in (each.lowest, each.finals)
        )
        lines.append(
            f"| {each.optimizer} | {each.plateau:.4f} | {lowest} | {finals} | "
            f"{each.diverged} of {len(each.finals)} |"
        )
    return "\n".join(lines)


def main(args: argparse.Namespace, candidates: Sequence[str]) -> int:
    """Runs what ships and the candidates from all --seeds, prints the table; returns 0.

    Raises:
        ValueError: a flag makes no sense.
    """
    for name in ("plot", "tasks", "optimizers"):
        if getattr(args, name):
            raise ValueError(f"--suite horizon has no --{name}: leave it out.")
    task = horizon_task(args.text, args.runs)
    os.makedirs(args.runs, exist_ok=True)
    chosen = [MNEMOSYNE, *candidates]
    sweep = race_sweep.Sweep(args.runs, seeds=args.seeds, sweep_seeds=args.sweep_seeds)
    sweep.announce(task, chosen)
    data = task.load()
    curves, plateau = sweep.run(task, data, chosen), task.plateau(data)
    sweep.close()
    endings = [ending(name, [*by_rate.values()][0], plateau) for name, by_rate in curves.items()]
    print(f"\n{task.name}: {task.num_train_steps:,} steps of {task.batch_size}; {task.about}\n")
    print(to_markdown(endings))
    if args.output:
        rows = [vars(each) | {"diverged": each.diverged} for each in endings]
        finite = json.loads(json.dumps({"horizon": rows}), parse_constant=lambda name: None)
        figures_file.save(args.output, finite, versions_of=("tensorflow", "tf-keras", "numpy"))
    print(f"\nhorizon: {sum(each.diverged for each in endings)} run(s) diverged")
    return 0
