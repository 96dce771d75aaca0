"""The story of `mnemosyne bench vit_race`: fine-tuning by accuracy, baselines at swept rates."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from mnemosyne_tf import FINE_TUNING
from pipeline.lab import figures_file
from pipeline.lab.races.contestants import Contestant
from pipeline.lab.races.sweep import Sweep
from pipeline.lab.races.table import most_accurate_rate
from pipeline.lab.races.tasks.task import Task
from pipeline.lab.vit_race import accuracy_table, tasks

_VERSIONS_OF = ("tensorflow", "tf-keras", "numpy")
BASELINES = ("adamw", "sgd")
# Six rates each, from below to above what is usual; where the best stands at an end, the sweep
# goes on. Weights that were trained before want smaller ones.
_RANDOM_WEIGHTS = MappingProxyType(
    {
        "adamw": (1.25e-4, 2.5e-4, 5e-4, 1e-3, 2e-3, 4e-3),
        "sgd": (5e-3, 1e-2, 2e-2, 4e-2, 8e-2, 1.6e-1),
    }
)
_REAL_WEIGHTS = MappingProxyType(
    {
        "adamw": (1e-5, 2.5e-5, 6.25e-5, 1.56e-4, 3.9e-4, 9.8e-4),
        "sgd": (4e-4, 1e-3, 2.5e-3, 6.25e-3, 1.56e-2, 3.9e-2),
    }
)


def run(
    *,
    fashion_mnist: str | None,
    textile: str | None,
    weights: str | None,
    seeds: int,
    sweep_seeds: int,
    runs: str,
    output: str | None,
) -> None:
    """Makes the runs that are not finished yet, and prints a table for each task.

    Args:
      fashion_mnist: folder of its four files, or None to leave its task out.
      textile: folder of the class folders of conformal-clip-data, or None.
      weights: of a vision transformer; for the two tasks above.
      seeds: runs at the best rate.
      sweep_seeds: runs at every other rate.
      runs: file of finished runs, or its folder.
      output: JSON to write, or None.

    Raises:
      ValueError: there are folders without weights, or one of them cannot be used.
      FileNotFoundError: a file or folder does not exist.
    """
    chosen = chosen_tasks(fashion_mnist, textile, weights)
    sweep = Sweep(runs, seeds=seeds, sweep_seeds=sweep_seeds, best_rate=most_accurate_rate)
    for task, optimizers in chosen:
        sweep.announce(task, optimizers)
    found = {}
    for task, optimizers in chosen:
        curves = sweep.run(task, task.load(), optimizers)
        found[task.name] = accuracy_table.results(curves, BASELINES)
        print(
            f"\n{task.name}: {task.num_train_steps:,} steps of {task.batch_size}, {seeds} seed(s); "
            f"{task.about}\n\n{accuracy_table.to_markdown(found[task.name])}",
            flush=True,
        )
    sweep.close()
    if output:
        figures = {
            "comparison": "vit_race",
            "seeds": seeds,
            "sweep_seeds": sweep_seeds,
            "tasks": {
                name: [dataclasses.asdict(each) for each in each_task]
                for name, each_task in found.items()
            },
        }
        figures_file.save(output, figures, versions_of=_VERSIONS_OF)
    print("\n" + "; ".join(_summary(name, each) for name, each in found.items()), flush=True)


def chosen_tasks(
    fashion_mnist: str | None, textile: str | None, weights: str | None
) -> list[tuple[Task, list[Contestant]]]:
    """Returns the tasks and the optimizers of each, as `run` takes them."""
    chosen = [(tasks.digits_task(), [Contestant("mnemosyne"), *_baselines(_RANDOM_WEIGHTS)])]
    # As `mnemosyne vit` makes it where weights are given.
    fine_tuning = Contestant("mnemosyne", arguments=FINE_TUNING)
    for name, folder, make in (
        ("fashion_mnist", fashion_mnist, tasks.fashion_task),
        ("textile", textile, tasks.textile_task),
    ):
        if folder is None:
            continue
        if weights is None:
            raise ValueError(f"--{name} {folder}: expected --weights to fine-tune, received none.")
        chosen.append((make(folder, weights), [fine_tuning, *_baselines(_REAL_WEIGHTS)]))
    return chosen


def _baselines(rates: Mapping[str, Sequence[float]]) -> list[Contestant]:
    return [Contestant(name, name, rates[name]) for name in BASELINES]


def _summary(name: str, found: Sequence[accuracy_table.Result]) -> str:
    """Returns the mean accuracies of a task, in one line."""
    accuracies = ", ".join(
        f"{each.optimizer} {sum(each.accuracies) / len(each.accuracies):.2%}" for each in found
    )
    return f"{name}: {accuracies}"
