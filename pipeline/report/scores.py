"""The GLUE table of a report: score folders in, rows of ready-made text out."""

import dataclasses
import os
from collections.abc import Mapping, Sequence

from pipeline.glue.tasks import TASKS
from pipeline.report.sources import Run, ScoreTable
from pipeline.report.tables import NONE


@dataclasses.dataclass(frozen=True)
class ScoreRow:
    """One row of the GLUE table: label, a (score, parts, is_best) per task, the average."""

    label: str
    cells: Sequence[tuple[str, str, bool]]
    average: str
    is_best: bool


@dataclasses.dataclass(frozen=True)
class Scores:
    """The GLUE table: rows are initialisations, columns are tasks."""

    tasks: Sequence[tuple[str, str]]
    rows: Sequence[ScoreRow]
    notes: Sequence[str]


def score_table(tables: Sequence[ScoreTable], runs: Sequence[Run]) -> Scores | None:
    """One GLUE table of several output folders; None without folders."""
    if not tables:
        return None
    present = {row["task"] for table in tables for row in table.results["rows"]}
    tasks = [task for task in TASKS if task.name in present]
    by_task = [{row["task"]: row for row in table.results["rows"]} for table in tables]
    best = {
        task.name: max(r[task.name]["score"] for r in by_task if task.name in r) for task in tasks
    }
    best_average = max(table.results["average"] for table in tables)
    rows = [
        ScoreRow(
            label=label,
            cells=[_score_cell(rows.get(t.name), best[t.name], len(tables)) for t in tasks],
            average=f"{100 * table.results['average']:.1f}",
            is_best=len(tables) > 1 and table.results["average"] == best_average,
        )
        for label, table, rows in zip(_score_labels(tables, runs), tables, by_task, strict=True)
    ]
    notes = dict.fromkeys(
        f"{row['task']}: {row['note']}."
        for rows in by_task
        for row in rows.values()
        if row.get("note")
    )
    if len({frozenset(rows) for rows in by_task}) > 1:
        notes["An average is over the tasks of its own row: do not compare these."] = None
    return Scores([(task.name, task.metric_label) for task in tasks], rows, list(notes))


def _score_cell(row: Mapping | None, best: float, num_rows: int) -> tuple[str, str, bool]:
    if row is None:
        return NONE, "", False
    parts = [f"{100 * value:.1f}" for value in row["metrics"].values()]
    is_best = num_rows > 1 and row["score"] == best
    return f"{100 * row['score']:.1f}", " / ".join(parts) if len(parts) > 1 else "", is_best


def _score_labels(tables: Sequence[ScoreTable], runs: Sequence[Run]) -> list[str]:
    """ "pre-trained, Mnemosyne"; with the folder's name where two would be alike."""
    run_of = {os.path.realpath(run.directory): run.label for run in runs}
    labels = []
    for table in tables:
        checkpoint = table.results["checkpoint"]
        label = "random initialisation"
        if table.results["initialisation"] == "checkpoint":
            origin = run_of.get(os.path.realpath(checkpoint), checkpoint)
            label = f"pre-trained: {origin}"
        labels.append(label if table.is_complete else f"{label} (unfinished)")
    return [
        f"{label} ({os.path.basename(os.path.normpath(table.directory))})"
        if labels.count(label) > 1
        else label
        for label, table in zip(labels, tables, strict=True)
    ]
