"""Runs with several seeds to one row a task: mean, standard deviation and median."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

# What is the same for all seeds of a task.
_SHARED = (
    "task",
    "train_examples",
    "dev_examples",
    "num_train_steps",
    "num_train_epochs",
    "learning_rate",
    "batch_size",
    "unknown_fraction",
    "majority_score",
    "rejects",
    "data_sha256",
    "note",
)


def task_rows(runs: Sequence[Mapping]) -> list[dict]:
    """One row per task, in the order in which the tasks come.

    Args:
      runs: One row per task and seed, with "task", "seed", "score" and "metrics".

    Returns:
      Rows with "score" and "metrics", the means over seeds; "deviation" and "metric_deviations",
      the sample standard deviations, None of one seed; "median" of the scores; "seeds" and
      "scores", one each per run; "seconds" of all runs together.
    """
    tasks = dict.fromkeys(run["task"] for run in runs)
    return [_summary([run for run in runs if run["task"] == task]) for task in tasks]


def _summary(runs: Sequence[Mapping]) -> dict:
    scores = [run["score"] for run in runs]
    values = {name: [run["metrics"][name] for run in runs] for name in runs[0]["metrics"]}
    row = {name: runs[0][name] for name in _SHARED if name in runs[0]}
    row |= {
        "metrics": {name: statistics.fmean(each) for name, each in values.items()},
        "score": statistics.fmean(scores),
        "deviation": deviation(scores),
        "median": statistics.median(scores),
        "metric_deviations": {name: deviation(each) for name, each in values.items()},
        "seeds": [run["seed"] for run in runs],
        "scores": scores,
        "seconds": round(sum(run.get("seconds", 0.0) for run in runs), 1),
    }
    starts = dict.fromkeys(run["started_from"] for run in runs if run.get("started_from"))
    if starts:
        row["started_from"] = "; ".join(starts)
    return row


def deviation(values: Sequence[float]) -> float | None:
    """The sample standard deviation (divisor n - 1); None of fewer than two."""
    return statistics.stdev(values) if len(values) > 1 else None
