"""The GLUE table of a report: score folders to rows of formatted text."""

import dataclasses
import os
from collections.abc import Mapping, Sequence

from pipeline.glue.results import convention
from pipeline.glue.results.not_run import TaskNotRun
from pipeline.glue.task import metric_words
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
      details: Whether the encoder was frozen, its step, the epochs of training and the seeds, as
        far as they are recorded.
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
    by_task = [{row["task"]: row for row in table.results["rows"]} for table in tables]
    tasks = _columns(by_task)
    best = {name: max(r[name]["score"] for r in by_task if name in r) for name, _ in tasks}
    best_average = max(table.results["average"] for table in tables)
    rows = [
        ScoreRow(
            label=label,
            cells=[_score_cell(rows.get(name), best[name], len(tables)) for name, _ in tasks],
            average=f"{100 * table.results['average']:.1f}",
            num_tasks=len(rows),
            details=_details(table.results),
            is_best=len(tables) > 1 and table.results["average"] == best_average,
        )
        for label, table, rows in zip(_score_labels(tables, runs), tables, by_task, strict=True)
    ]
    return Scores(tasks, rows, _notes(tables, by_task))


def _columns(by_task: Sequence[Mapping[str, Mapping]]) -> list[tuple[str, str]]:
    """Name and metrics of the tasks that any folder has, GLUE's in their order, then others."""
    found = {name: row for rows in by_task for name, row in rows.items()}
    known = [task.name for task in TASKS if task.name in found]
    names = [*known, *sorted(found.keys() - {*known})]
    return [(name, " / ".join(map(metric_words, found[name]["metrics"]))) for name in names]


def _notes(tables: Sequence[ScoreTable], by_task: Sequence[Mapping[str, Mapping]]) -> list[str]:
    """What a reader must know: how averages were made, notes of tasks, tasks not run."""
    present = {name for rows in by_task for name in rows}
    notes = dict.fromkeys(_meanings(tables, by_task))
    notes |= dict.fromkeys(
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


def _meanings(tables: Sequence[ScoreTable], by_task: Sequence[Mapping[str, Mapping]]) -> list[str]:
    """How averages and scores were made; folders of earlier versions do not say."""
    lines = []
    for table, rows in zip(tables, by_task, strict=True):
        kind = table.results.get("kind")
        if kind in (convention.GLUE, convention.SAMPLE):
            lines.append(convention.convention_line(list(rows), kind=kind))
        if choose := table.results.get("settings", {}).get("choose"):
            lines.append(convention.choice_line(choose))
        if any(row.get("deviation") is not None for row in rows.values()):
            lines.append("\N{PLUS-MINUS SIGN} is the sample standard deviation between seeds.")
        for row in rows.values():
            if start := row.get("started_from"):
                lines.append(f"{row['task']}: started from {start}.")
        if diagnostic := table.results.get("diagnostic"):
            lines.append(f"AX: Matthews {100 * diagnostic['score']:.1f}, {diagnostic['note']}.")
    return lines


def _details(results: Mapping) -> str:
    """Returns "encoder of step 400; 3 epochs; 5 seeds"; earlier folders lack some of it."""
    settings, rows = results.get("settings", {}), results["rows"]
    details = list(filter(None, [convention.frozen_text(settings)]))
    if (step := results.get("encoder_step")) is not None:
        details.append(f"encoder of step {step:,}")
    given = settings.get("num_train_epochs")
    if epochs := sorted({row.get("num_train_epochs") or given for row in rows} - {None}):
        ends = " to ".join(dict.fromkeys(f"{each:g}" for each in (epochs[0], epochs[-1])))
        details.append(f"{ends} {'epoch' if ends == '1' else 'epochs'}")
    if (seeds := max((len(row.get("seeds", ())) for row in rows), default=0)) > 1:
        details.append(f"{seeds} seeds")
    return "; ".join(details)


def _training_examples(by_task: Sequence[Mapping[str, Mapping]]) -> list[str]:
    """A line with the training examples of each task; a range where the folders differ."""
    parts = []
    for name, _ in _columns(by_task):
        rows = [rows[name] for rows in by_task if name in rows]
        sizes = sorted({row["train_examples"] for row in rows if "train_examples" in row})
        if sizes:
            ends = dict.fromkeys(f"{size:,}" for size in (sizes[0], sizes[-1]))
            parts.append(f"{name} {' to '.join(ends)}")
    return [f"Training examples: {'; '.join(parts)}."] if parts else []


def _score_cell(row: Mapping | None, best: float, num_rows: int) -> tuple[str, str, bool]:
    if row is None:
        return NONE, "", False
    parts = [f"{100 * value:.1f}" for value in row["metrics"].values()]
    is_best = num_rows > 1 and row["score"] == best
    score = f"{100 * row['score']:.1f}"
    if (deviation := row.get("deviation")) is not None:
        score += f" \N{PLUS-MINUS SIGN} {100 * deviation:.1f}"
    return score, " / ".join(parts) if len(parts) > 1 else "", is_best


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
