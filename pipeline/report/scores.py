"""The GLUE table of a report: score folders to rows of formatted text."""

import dataclasses
import os
from collections.abc import Mapping, Sequence

from pipeline.glue.results.not_run import TaskNotRun
from pipeline.glue.tasks import TASKS
from pipeline.report.sources import Run, ScoreTable
from pipeline.report.tables import NONE


@dataclasses.dataclass(frozen=True)
class ScoreRow:
    """One row of the GLUE table.

    Attributes:
      label: Of the encoder.
      cells: A (score, parts, is_best) per task of the table.
      average: Over the tasks of this row.
      num_tasks: How many they are.
      details: The step of the encoder and the epochs of fine-tuning, as far as they are recorded.
      is_best: Whether no row of the table has a higher average.
    """

    label: str
    cells: Sequence[tuple[str, str, bool]]
    average: str
    num_tasks: int
    details: str
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
            num_tasks=len(rows),
            details=_details(table.results),
            is_best=len(tables) > 1 and table.results["average"] == best_average,
        )
        for label, table, rows in zip(_score_labels(tables, runs), tables, by_task, strict=True)
    ]
    return Scores(
        [(task.name, task.metric_label) for task in tasks], rows, _notes(tables, by_task, present)
    )


def _notes(
    tables: Sequence[ScoreTable], by_task: Sequence[Mapping[str, Mapping]], present: set[str]
) -> list[str]:
    """What a reader of the scores must know: notes of tasks, unlike averages, tasks not run."""
    notes = dict.fromkeys(
        f"{row['task']}: {row['note']}."
        for rows in by_task
        for row in rows.values()
        if row.get("note")
    )
    if len({frozenset(rows) for rows in by_task}) > 1:
        notes["The averages are over different tasks and cannot be compared."] = None
    not_run = [TaskNotRun(**each) for table in tables for each in table.results.get("not_run", ())]
    return [
        *notes,
        *_training_examples(by_task),
        *dict.fromkeys(f"{each.line()}." for each in not_run if each.name not in present),
    ]


def _details(results: Mapping) -> str:
    """Returns "encoder of step 400; 3 epochs"; folders of earlier versions lack the step."""
    details = []
    if (step := results.get("encoder_step")) is not None:
        details.append(f"encoder of step {step:,}")
    if epochs := results.get("settings", {}).get("num_train_epochs"):
        details.append(f"{epochs:g} {'epoch' if epochs == 1 else 'epochs'}")
    return "; ".join(details)


def _training_examples(by_task: Sequence[Mapping[str, Mapping]]) -> list[str]:
    """A line with the training examples of each task; a range where the folders differ."""
    parts = []
    for task in TASKS:
        rows = [rows[task.name] for rows in by_task if task.name in rows]
        sizes = sorted({row["train_examples"] for row in rows if "train_examples" in row})
        if sizes:
            ends = dict.fromkeys(f"{size:,}" for size in (sizes[0], sizes[-1]))
            parts.append(f"{task.name} {' to '.join(ends)}")
    return [f"Training examples: {'; '.join(parts)}."] if parts else []


def _score_cell(row: Mapping | None, best: float, num_rows: int) -> tuple[str, str, bool]:
    if row is None:
        return NONE, "", False
    parts = [f"{100 * value:.1f}" for value in row["metrics"].values()]
    is_best = num_rows > 1 and row["score"] == best
    return f"{100 * row['score']:.1f}", " / ".join(parts) if len(parts) > 1 else "", is_best


def _score_labels(tables: Sequence[ScoreTable], runs: Sequence[Run]) -> list[str]:
    """One label each, such as "pre-trained: Mnemosyne"; equal ones get their folder's name."""
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
