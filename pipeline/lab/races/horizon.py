"""The story of `mnemosyne bench horizon`: does a very long run end at its lowest loss?

What was learned on short runs may do well up to their length and diverge afterwards. A small BERT
is trained for `NUM_STEPS`. A run has diverged where it ends more than `TOLERANCE` above its lowest
held-out loss, or where a loss is not a number.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from pipeline.lab import figures_file
from pipeline.lab.races import contestants
from pipeline.lab.races.contestants import MNEMOSYNE
from pipeline.lab.races.runs_file import Curve
from pipeline.lab.races.settings import RaceSettings
from pipeline.lab.races.sweep import Sweep
from pipeline.lab.races.table import markdown_table
from pipeline.lab.races.tasks import berts
from pipeline.lab.races.tasks.task import Task
from pipeline.lab.races.transfer import BASE

TOLERANCE = 0.05  # nats; between two evaluations, a loss of 2,000 sequences moves by less
NUM_STEPS = 12_000  # six times the longest outer task of any recipe of meta-training
_EVALUATIONS = 24
SIZE = dataclasses.replace(
    BASE,
    name="horizon",
    eval_every_steps=NUM_STEPS // _EVALUATIONS,
    num_evaluations=_EVALUATIONS,
)
_HEADERS = ("optimizer", "plateau", "lowest held-out loss", "at the end", "diverged")


@dataclasses.dataclass(frozen=True)
class Ending:
    """How the runs of one optimizer ended.

    Attributes:
        optimizer: that ran untuned.
        finals, lowest: held-out losses of each seed, at the end and the lowest, nats.
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


def run(settings: RaceSettings, *, candidates: Sequence[str] = ()) -> None:
    """Runs the released parameters and the candidates from all seeds, and prints the table.

    Args:
        settings: of the comparison; it has no picture.
        candidates: files of meta-parameters.

    Raises:
        ValueError: several texts are given, or a file holds no meta-parameters.
        FileNotFoundError: a file does not exist.
    """
    chosen = [MNEMOSYNE, *map(contestants.load_candidate, candidates)]
    task = horizon_task(settings.text, settings.records)
    sweep = Sweep(settings.runs, seeds=settings.seeds, sweep_seeds=settings.sweep_seeds)
    sweep.announce(task, chosen)
    data = task.load()
    plateau = task.plateau(data)
    curves = sweep.run(task, data, chosen, plateau)
    sweep.close()
    endings = [ending(name, [*by_rate.values()][0], plateau) for name, by_rate in curves.items()]
    print(f"\n{task.name}: {task.num_train_steps:,} steps of {task.batch_size}; {task.about}\n")
    print(to_markdown(endings))
    if settings.output:
        rows = [{**vars(each), "diverged": each.diverged} for each in endings]
        versions = ("tensorflow", "tf-keras", "numpy")
        figures_file.save(settings.output, {"horizon": rows}, versions_of=versions)
    print(f"\nhorizon: {sum(each.diverged for each in endings)} run(s) diverged")


def horizon_task(texts: Sequence[str], folder: str) -> Task:
    """Returns the long run; a text too short for it is read several times.

    Args:
        texts: one `GLOB` or `GLOB::LAYOUT`, or empty for the addresses.
        folder: where records are kept.

    Raises:
        ValueError: several texts are given.
    """
    return berts.bert_task(SIZE, berts.only_text(texts), folder)


def ending(optimizer: str, curves: Sequence[Curve], plateau: float) -> Ending:
    """Sums up the curves of the seeds."""
    losses = [curve.losses for curve in curves]
    lowest = [float(np.nanmin(each)) for each in losses]
    return Ending(optimizer, [each[-1] for each in losses], lowest, plateau)


def to_markdown(endings: Sequence[Ending]) -> str:
    """Returns a table with a row for each optimizer."""
    rows = [
        (
            each.optimizer,
            f"{each.plateau:.4f}",
            ", ".join(f"{loss:.4f}" for loss in each.lowest),
            ", ".join(f"{loss:.4f}" for loss in each.finals),
            f"{each.diverged} of {len(each.finals)}",
        )
        for each in endings
    ]
    return markdown_table(rows, _HEADERS)
