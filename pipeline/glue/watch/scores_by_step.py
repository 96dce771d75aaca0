"""The scores of all checkpoints of a run -> `scores_by_step.json`, `.md` and `.png`."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Mapping, Sequence

import matplotlib
from tabulate import tabulate

from data_prep import storage
from pipeline.glue.results.earlier_results import read_results
from pipeline.glue.results.folder import COMPLETED_FILE, RESULTS_FILE
from pipeline.weights.json_file import write_json

_NAME = "scores_by_step"
_STEP_FOLDER = re.compile(r"step-(\d+)")


def step_folder(output: str, step: int) -> str:
    """The folder of scores of one checkpoint."""
    return os.path.join(output, f"step-{step}")


def save_scores(output: str, run: str) -> str:
    """Writes the three files from the finished folders; returns the table, or why there is none.

    Args:
      output: Folder with `step-N/`.
      run: Whose checkpoints were scored.
    """
    steps = read_scores(output)
    if not steps:
        return f"{run}: no checkpoint was scored yet"
    title = f"Dev scores of {run} by step of pre-training"
    tasks = list(dict.fromkeys(task for scores in steps.values() for task in scores))
    table = _table(steps, tasks)
    write_json(
        os.path.join(output, f"{_NAME}.json"),
        {"run": run, "steps": [{"step": step, "scores": each} for step, each in steps.items()]},
    )
    text = f"# {title}\n\n{table}\n"
    storage.write_whole(os.path.join(output, f"{_NAME}.md"), text.encode("utf-8"))
    storage.write_whole(os.path.join(output, f"{_NAME}.png"), _picture(steps, tasks, title))
    return f"{title}, in percent; files in {output}\n\n{table}"


def read_scores(output: str) -> dict[int, dict[str, float]]:
    """Step -> task -> score, a fraction, of all finished folders, by step."""
    steps = {}
    for name in storage.list_folder(output):
        match, folder = _STEP_FOLDER.fullmatch(name), os.path.join(output, name)
        if match and os.path.isfile(os.path.join(folder, COMPLETED_FILE)):
            results = read_results(os.path.join(folder, RESULTS_FILE))
            steps[int(match[1])] = {row["task"]: row["score"] for row in results["rows"]}
    return dict(sorted(steps.items()))


def _table(steps: Mapping[int, Mapping[str, float]], tasks: Sequence[str]) -> str:
    rows = [
        [f"{step:,}", *(_percent(scores.get(task)) for task in tasks), _percent(_mean(scores))]
        for step, scores in steps.items()
    ]
    heads = ["step", *tasks, "average"]
    align = ["right"] * len(heads)
    return tabulate(rows, heads, tablefmt="pipe", colalign=align, disable_numparse=True)


def _mean(scores: Mapping[str, float]) -> float:
    return sum(scores.values()) / len(scores)


def _percent(score: float | None) -> str:
    return "" if score is None else f"{100 * score:.1f}"


def _picture(steps: Mapping[int, Mapping[str, float]], tasks: Sequence[str], title: str) -> bytes:
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(8, 4.5), layout="constrained")
    for task in tasks:
        points = [(step, 100 * each[task]) for step, each in steps.items() if task in each]
        axis.plot(*zip(*points, strict=True), marker="o", label=task)
    axis.set(title=title, xlabel="step", ylabel="dev score in percent")
    axis.legend()
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=120)
    pyplot.close(figure)
    return stream.getvalue()
