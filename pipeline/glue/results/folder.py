"""The folder of scores: saved after every task and seed, continued by the next call.

`results.json` holds the settings, `runs` (one row per finished task and seed), `rows` (one per
task, over its seeds) and the tasks that are not run, `results.md` the same as a table,
`predictions/<task>-seed<n>.tsv` the answers on dev, `rejects.jsonl` the rows that were left out.
COMPLETED says that every chosen task is finished.
"""

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence

import numpy as np

from data_prep import storage
from pipeline.glue.files.examples import Reject
from pipeline.glue.results import convention
from pipeline.glue.results.earlier_results import check_unchanged, read_results
from pipeline.glue.results.not_run import TaskNotRun, without_scored
from pipeline.glue.results.seeds import task_rows
from pipeline.glue.results.table import score_table
from pipeline.glue.task import GlueTask
from pipeline.glue.tasks import GLUE_TASKS

RESULTS_FILE = "results.json"
COMPLETED_FILE = "COMPLETED"


class ResultsFolder:
    """Rows of finished tasks and seeds under one set of settings.

    Args:
      directory: The folder; created with the first row.
      header: "checkpoint", "initialisation" ("checkpoint" or "random"), "encoder_step" (the step
        of the checkpoint, or None), "kind" (of tasks, see `convention`) and "settings", the mapping
        that must not change.
      not_run: The tasks that are left out.

    Raises:
      ValueError: If the folder holds rows of other settings, names each; or of other weights.

    Attributes:
      runs: One row per finished task and seed.
      diagnostic: The row of AX, or None.
      models: Task -> seed of the model that is kept.
      test_files: Name in a submission -> what its answers were made of.
      submission: Lines that say what the zip holds; whoever writes it sets them.
    """

    def __init__(self, directory: str, header: Mapping, *, not_run: Sequence[TaskNotRun] = ()):
        self.directory = directory
        self.header = dict(header)
        self.runs: list[dict] = []
        self.diagnostic: dict | None = None
        self.models: dict[str, int] = {}
        self.test_files: dict[str, dict] = {}
        self.submission: Sequence[str] = ()
        self._not_run = tuple(not_run)
        if previous := read_results(os.path.join(directory, RESULTS_FILE)):
            check_unchanged(directory, previous, self.header)
            # A folder of an earlier version has one seed, and its rows only.
            self.runs = previous.get("runs", previous["rows"])
            self.diagnostic = previous.get("diagnostic")
            self.models = previous.get("models", {})
            self.test_files = previous.get("test_files", {})

    @property
    def rows(self) -> list[dict]:
        """One row per task, over its seeds."""
        return task_rows(self.runs)

    @property
    def not_run(self) -> list[TaskNotRun]:
        """The tasks without a score: neither chosen now nor finished by an earlier call."""
        return without_scored(self._not_run, self._scored())

    def _scored(self) -> list[str]:
        return list(dict.fromkeys(run["task"] for run in self.runs))

    def finished_run(self, task: GlueTask, seed: int, data_sha256: str) -> dict | None:
        """The row of a finished task and seed, or None.

        Raises:
          ValueError: If the task was scored on other files, or a user's task had other columns,
            labels, metrics or epochs, with whichever seed.
        """
        found = None
        for run in self.runs:
            if run["task"] != task.name:
                continue
            if run["data_sha256"] != data_sha256:
                is_own = self.header["kind"] == convention.OWN
                files = "files or another task file" if is_own else "files"
                raise ValueError(
                    f"{self.directory} holds a result of {task.name} from other {files}: "
                    f"sha256 {run['data_sha256'][:12]} -> {data_sha256[:12]}. Give another "
                    f"--output, or the old {'--task_file' if is_own else '--glue_dir'}"
                )
            if run["seed"] == seed:
                found = run
        return found

    def begin(self) -> None:
        """Removes the completion marker before the first unfinished task.

        Raises:
          OSError: If the folder cannot be written.
        """
        try:
            os.makedirs(os.path.join(self.directory, "predictions"), exist_ok=True)
        except OSError as error:
            raise OSError(
                f"--output {self.directory}: expected a folder that can be written, received "
                f"{error.strerror}; name another"
            ) from error
        storage.remove(os.path.join(self.directory, COMPLETED_FILE), missing_ok=True)

    def add(
        self,
        row: Mapping,
        *,
        task: GlueTask,
        labels: Sequence[np.ndarray],
        predictions: Sequence[np.ndarray],
        is_kept: bool = False,
    ) -> None:
        """Saves a finished task and seed: its answers on each dev set first, then its row.

        Args:
          row: Of the task and seed, see `task_run.run_task`.
          task: Which.
          labels: One array per dev set.
          predictions: The same.
          is_kept: Whether the model of this seed is the one in models/.
        """
        for suffix, *pair in zip(task.suffixes, predictions, labels, strict=True):
            lines = ["index\tprediction\tlabel"]
            for index, values in enumerate(zip(*pair, strict=True)):
                lines.append("\t".join([str(index), *(answer(task, each) for each in values)]))
            name = "-".join(filter(None, [task.name, suffix, f"seed{row['seed']}"]))
            path = os.path.join(self.directory, "predictions", f"{name}.tsv")
            _write(path, "\n".join(lines) + "\n")
        self.runs = sorted([*self.runs, dict(row)], key=_place)
        if is_kept:
            self.models[task.name] = row["seed"]
        self.save()

    def add_diagnostic(self, row: Mapping) -> None:
        """Saves the score of AX, which counts in no average."""
        self.diagnostic = dict(row)
        self.save()

    def add_test_file(self, name: str, record: Mapping) -> None:
        """Saves of which model and texts a file of the submission is."""
        self.test_files[name] = dict(record)
        self.save()

    def add_rejects(self, task: GlueTask, rejects: Sequence[Reject]) -> None:
        """Saves the bad rows of a task next to those of other tasks."""
        path = os.path.join(self.directory, "rejects.jsonl")
        replaced = {task.name, *(reject.task for reject in rejects)}
        kept = []
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                kept = [line for line in file if json.loads(line)["task"] not in replaced]
        kept += [json.dumps(dataclasses.asdict(reject)) + "\n" for reject in rejects]
        if kept:
            _write(path, "".join(kept))

    def complete(self) -> None:
        """Writes the completion marker, after what is not run now."""
        self.save()
        _write(
            os.path.join(self.directory, COMPLETED_FILE),
            json.dumps({"tasks": self._scored(), "average": self.average}) + "\n",
        )

    @property
    def average(self) -> float:
        """Unweighted mean score of the finished tasks, a fraction."""
        return convention.average_of(self.rows)

    def average_text(self) -> str:
        """What average and scores mean, and which tasks are not run: one line each."""
        rows = self.rows
        lines = [
            *convention.convention_lines(rows, kind=self.header["kind"]),
            convention.choice_line(self.header["settings"].get("choose", "last")),
            convention.seeds_line(rows),
            *(
                f"{r['task']}: started from {r['started_from']}."
                for r in _with(rows, "started_from")
            ),
            f"AX: {self.diagnostic['note']}." if self.diagnostic else "",
            *(each.line() for each in self.not_run),
        ]
        return "\n".join(filter(None, lines))

    def table(self) -> str:
        """The score table, aligned for a terminal and valid Markdown."""
        return score_table(self.rows, average=self.average, diagnostic=self.diagnostic)

    def title(self) -> str:
        """What was scored, in one line."""
        return convention.title(self.header)

    def save(self) -> None:
        """Writes `results.json` and `results.md`."""
        content = {
            **self.header,
            "average": self.average,
            "convention": self.average_text().split("\n"),
            "rows": self.rows,
            "diagnostic": self.diagnostic,
            "runs": self.runs,
            "models": self.models,
            "test_files": self.test_files,
            "submission": list(self.submission),
            "not_run": [dataclasses.asdict(each) for each in self.not_run],
        }
        notes = [f"{row['task']}: {row['note']}." for row in _with(self.rows, "note")]
        lines = [*self.average_text().split("\n"), *notes, *self.submission]
        _write(
            os.path.join(self.directory, "results.md"),
            "\n\n".join([f"# {self.title()}", self.table(), *lines]) + "\n",
        )
        _write(os.path.join(self.directory, RESULTS_FILE), json.dumps(content, indent=2) + "\n")


def answer(task: GlueTask, value: float) -> str:
    """A prediction as files state it: a label string, or a score with three decimals."""
    return f"{value:.3f}" if task.is_regression else task.labels[int(value)]


def _with(rows: Sequence[Mapping], key: str) -> list[Mapping]:
    return [row for row in rows if row.get(key)]


def _place(run: Mapping) -> tuple:
    """Sorts runs by task, in the order of GLUE, and seed; own tasks by name."""
    order = list(GLUE_TASKS)
    name = run["task"]
    return order.index(name) if name in order else len(order), name, run["seed"]


def _write(path: str, text: str) -> None:
    storage.write_whole(path, text.encode("utf-8"))
