"""The races of `mnemosyne bench optimizer --suite`: every optimizer on every task, rivals swept."""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
from typing import Any

from pipeline.benchmarks import race_plots, race_table, race_tasks
from pipeline.benchmarks.race_run import RATES, Run, cached_run, digest

SUITES = ("vision",)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of a race, but for --suite, which asks for it."""
    add = parser.add_argument
    add("--fashion_mnist", metavar="DIR", help="its four files (scikit-learn's digits without)")
    add("--tasks", nargs="+", metavar="NAME", help="of the suite's tasks, only these")
    add("--seeds", type=int, default=3, help="runs at every rate (%(default)s)")
    add("--optimizers", nargs="+", choices=RATES, metavar="NAME", help="only these, and adamw")
    add("--runs", metavar="DIR", default="races", help="finished runs, kept (%(default)s)")
    add("--plot", metavar="FILE.png", help="draw the curves and the sweeps here")


def main(args: argparse.Namespace) -> int:
    """Runs what is not in --runs yet, prints a table for each task; returns 0.

    Raises:
        ValueError: a flag makes no sense.
    """
    if args.seeds < 1:
        raise ValueError(f"--seeds: expected 1 or more, received {args.seeds}.")
    figures = _race(args)
    if args.output:
        _save(args.output, figures, args)
    return 0


def _race(args: argparse.Namespace) -> dict[str, Any]:
    from tqdm import tqdm

    os.makedirs(args.runs, exist_ok=True)
    tasks = _chosen(race_tasks.vision_tasks(args.fashion_mnist), args.tasks)
    chosen = [*RATES] if args.optimizers is None else [*{race_table.PACE, *args.optimizers}]
    todo = [
        Run(task.name, optimizer, rate, seed)
        for task, optimizer in itertools.product(tasks, sorted(chosen, key=[*RATES].index))
        for rate, seed in itertools.product(RATES[optimizer], range(args.seeds))
    ]
    by_name = {task.name: task for task in tasks}
    data = {task.name: task.load() for task in tasks}
    digests = {name: digest(each) for name, each in data.items()}
    curves: dict[str, Any] = {task.name: {} for task in tasks}
    for run in tqdm(todo, file=sys.stderr, unit="run"):
        task = by_name[run.task]
        curve = cached_run(
            run, task, data[task.name], data_digest=digests[task.name], folder=args.runs
        )
        by_rate = curves[run.task].setdefault(run.optimizer, {})
        by_rate.setdefault(run.learning_rate, []).append(curve)
    found = {name: race_table.results(by_optimizer) for name, by_optimizer in curves.items()}
    for name, results in found.items():
        task = by_name[name]
        print(
            f"\n{name}: {task.num_train_steps:,} steps of {task.batch_size}, {args.seeds} seed(s)\n"
            f"\n{race_table.to_markdown(results)}"
        )
    if args.plot:
        race_plots.draw(curves, args.plot)
    print("\n" + _last_line(found))
    return {name: [vars(result) for result in results] for name, results in found.items()}


def _chosen(tasks: list[race_tasks.Task], names: list[str] | None) -> list[race_tasks.Task]:
    known = [task.name for task in tasks]
    if unknown := set(names or []) - set(known):
        raise ValueError(
            f"--tasks: expected some of {', '.join(known)}, received {', '.join(sorted(unknown))}."
        )
    return [task for task in tasks if names is None or task.name in names]


def _save(path: str, figures: dict[str, Any], args: argparse.Namespace) -> None:
    """Writes the figures as JSON, under a temporary name first; infinity as null."""
    content = {"suite": args.suite, "seeds": args.seeds, "tasks": figures}
    finite = json.loads(json.dumps(content), parse_constant=lambda name: None)
    with open(f"{path}.tmp", "w") as stream:
        json.dump(finite, stream, indent=1)
    os.replace(f"{path}.tmp", path)


def _last_line(found: dict[str, list[race_table.Result]]) -> str:
    ranks = []
    for name, results in found.items():
        order = [result.optimizer for result in results]
        ours = [each for each in order if each.startswith("mnemosyne")]
        places = ", ".join(f"{each} {order.index(each) + 1}." for each in ours)
        ranks.append(f"{name}: {places or 'no mnemosyne'} of {len(order)}, first {order[0]}")
    return "; ".join(ranks)
