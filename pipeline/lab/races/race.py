"""The story of `mnemosyne bench race`: every optimizer on every task, baselines swept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.lab import figures_file
from pipeline.lab.races import contestants, plots
from pipeline.lab.races.contestants import Contestant
from pipeline.lab.races.outcome import Outcome
from pipeline.lab.races.settings import RaceSettings
from pipeline.lab.races.sweep import Sweep
from pipeline.lab.races.table import PACE
from pipeline.lab.races.tasks import berts, images
from pipeline.lab.races.tasks.task import Task

GROUPS = ("bert", "vision")
_VERSIONS_OF = ("tensorflow", "tf-keras", "numpy")


def run(
    settings: RaceSettings,
    *,
    tasks: Sequence[str] = GROUPS,
    optimizers: Sequence[str] = (),
    candidates: Sequence[str] = (),
    variants: Sequence[str] = (),
    with_adamw: bool = True,
) -> None:
    """Makes the runs that are not finished yet, and prints a table for each task.

    Args:
        settings: of the comparison.
        tasks: names of tasks, or of `GROUPS` of them.
        optimizers: names of contestants to compare with AdamW; empty: all.
        candidates: files of meta-parameters.
        variants: arguments of Mnemosyne, as of `contestants.variant`.
        with_adamw: whether AdamW runs even where `optimizers` do not name it.

    Raises:
        ValueError: a name or argument is unknown, or a file holds no meta-parameters.
        FileNotFoundError: a file does not exist.
    """
    pace = {PACE} if with_adamw else set()
    chosen = (
        contestants.named(pace | {*optimizers}) if optimizers else contestants.all_that_differ()
    )
    chosen += [contestants.load_candidate(path) for path in candidates]
    chosen += [contestants.variant(arguments) for arguments in variants]
    outcomes = compare(settings, chosen_tasks(tasks, settings), chosen)
    report(settings, outcomes, {"comparison": "race"})


def chosen_tasks(names: Sequence[str], settings: RaceSettings) -> list[Task]:
    """Returns tasks by the names of tasks or of their groups, each once.

    Raises:
        ValueError: a name is unknown.
    """
    vision = images.image_tasks(settings.fashion_mnist)
    if {*names} <= {"vision", *(task.name for task in vision)}:
        return pick(vision, names, {"vision": vision})  # no text is needed
    bert = berts.bert_tasks(settings.text, settings.records)
    return pick([*bert, *vision], names, {"bert": bert, "vision": vision})


def pick(
    tasks: Sequence[Task], names: Sequence[str], groups: Mapping[str, Sequence[Task]] | None = None
) -> list[Task]:
    """Returns those of the tasks that are named, or are in a group that is named.

    Raises:
        ValueError: a name is unknown.
    """
    groups = groups or {}
    known = [*groups, *(task.name for task in tasks)]
    if unknown := set(names) - set(known):
        raise ValueError(
            f"--tasks: expected some of {', '.join(known)}; received {', '.join(sorted(unknown))}."
        )
    wanted = {*names, *(task.name for name in names for task in groups.get(name, ()))}
    return [task for task in tasks if task.name in wanted]


def compare(
    settings: RaceSettings, tasks: Sequence[Task], chosen: Sequence[Contestant]
) -> list[Outcome]:
    """Trains every contestant on every task, printing the table of each; returns the outcomes."""
    sweep = Sweep(settings.runs, seeds=settings.seeds, sweep_seeds=settings.sweep_seeds)
    for task in tasks:
        sweep.announce(task, chosen)
    mnemosynes = frozenset(each.name for each in chosen if each.is_mnemosyne)
    outcomes = []
    for task in tasks:
        data = task.load()
        plateau = task.plateau(data) if task.plateau else None
        curves = sweep.run(task, data, chosen, plateau)
        outcomes.append(Outcome(task, curves, plateau, mnemosynes))
        print(f"\n{outcomes[-1].to_markdown()}", flush=True)
    sweep.close()
    return outcomes


def report(settings: RaceSettings, outcomes: Sequence[Outcome], content: Mapping[str, Any]) -> None:
    """Draws the picture, writes the JSON, and prints a last line.

    Args:
        settings: of the comparison.
        outcomes: of all tasks.
        content: what the JSON holds in addition to the outcomes.
    """
    if settings.plot:
        plots.draw(outcomes, settings.plot)
    if settings.output:
        figures = {
            **content,
            "seeds": settings.seeds,
            "sweep_seeds": settings.sweep_seeds,
            "tasks": {outcome.task.name: outcome.to_json() for outcome in outcomes},
        }
        figures_file.save(settings.output, figures, versions_of=_VERSIONS_OF)
    print("\n" + "; ".join(outcome.summary() for outcome in outcomes), flush=True)
