"""Finished runs of a file to outcomes: what today's code would make, task by task.

A run counts where today's contestants have its settings. So a run of older code, whose settings
differ, is in the file but on no page.
"""

from __future__ import annotations

import collections
import itertools
from collections.abc import Iterator, Mapping, Sequence

from pipeline.lab.races import horizon, transfer
from pipeline.lab.races.contestants import CONTESTANTS, MNEMOSYNE, Contestant
from pipeline.lab.races.outcome import Outcome
from pipeline.lab.races.run import fingerprint_of_settings
from pipeline.lab.races.runs_file import Curve, FinishedRun
from pipeline.lab.races.tasks import berts, images
from pipeline.lab.races.tasks.task import Task

_MNEMOSYNES = frozenset(each.name for each in CONTESTANTS.values() if each.is_mnemosyne)


def known_tasks() -> dict[str, Task]:
    """Returns the tasks of all comparisons by name; their data is not at hand."""
    sizes = (*berts.SIZES, *transfer.SIZES, horizon.SIZE)
    tasks = [berts.bert_task(size, "", "") for size in sizes]
    tasks += [*images.fashion_tasks(""), *images.digits_tasks()]
    return {task.name: task for task in tasks}


def outcomes_of(runs: Sequence[FinishedRun]) -> list[tuple[list[FinishedRun], Outcome]]:
    """Returns for each task and data its runs that count and the outcome, in the order of tasks.

    Args:
        runs: of the file; those of unknown tasks are left out.
    """
    by_data: dict[tuple[str, str], list[FinishedRun]] = collections.defaultdict(list)
    for run in runs:
        by_data[run.key.task, run.key.data].append(run)
    found = []
    for name, task in known_tasks().items():
        for (of_task, _), group in by_data.items():
            if of_task == name and (curves := _curves(task, group)):
                shown = [run for run in group if any(run.curve is each for each in _all(curves))]
                found.append((shown, Outcome(task, curves, group[0].plateau, _MNEMOSYNES)))
    return found


def _all(curves: Mapping[str, Mapping[float, list[Curve]]]) -> Iterator[Curve]:
    for by_rate in curves.values():
        yield from itertools.chain.from_iterable(by_rate.values())


def _curves(task: Task, runs: Sequence[FinishedRun]) -> dict[str, Mapping[float, list[Curve]]]:
    """Returns contestant -> rate -> curves in the order of the seeds."""
    by_settings: dict[str, dict[int, Curve]] = collections.defaultdict(dict)
    rates: dict[str, set[float]] = collections.defaultdict(set)
    for run in runs:
        by_settings[run.key.settings][run.key.seed] = run.curve
        rates[run.optimizer].add(run.learning_rate)
    curves = {}
    whole = fingerprint_of_settings(MNEMOSYNE, 1.0, task)
    for contestant in CONTESTANTS.values():
        by_rate = {}
        for rate in sorted(_rates_to_look_for(contestant, rates[contestant.name])):
            settings = fingerprint_of_settings(contestant, rate, task)
            # An ablation with the settings of Mnemosyne changes nothing on this task.
            is_same = settings == whole and contestant != MNEMOSYNE and not contestant.is_swept
            if (seeds := by_settings.get(settings)) and not is_same:
                by_rate[rate] = [seeds[seed] for seed in sorted(seeds)]
        if len(by_rate) > contestant.is_swept:  # one rate is no sweep
            curves[contestant.name] = by_rate
    return curves


def _rates_to_look_for(contestant: Contestant, in_file: set[float]) -> set[float]:
    """Mnemosyne and its ablations share runs; baselines have their own."""
    return {*contestant.rates, *in_file} if contestant.is_mnemosyne else in_file
