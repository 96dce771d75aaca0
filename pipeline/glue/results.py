"""The score table of a GLUE folder: kept after every task, continued by the next run.

`results.json` holds the settings and one row per finished task, `results.md`
the same as a table, `predictions/<task>.tsv` the answers on dev, `rejects.jsonl`
the rows that were left out, and COMPLETED says that the last run got through.
"""

import dataclasses
import json
import os
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from pipeline.glue.reader import Reject
from pipeline.glue.tasks import METRIC_WORDS, TASKS, GlueTask
from pipeline.recipes.loader import differences

RESULTS_FILE = "results.json"
COMPLETED_FILE = "COMPLETED"


class ResultsFolder:
    """Rows of finished tasks under one set of settings.

    Args:
      directory: The folder; created with the first row.
      header: "checkpoint", "initialisation" ("checkpoint" or "random"),
        "sample_tasks" and "settings", the mapping that must not change.

    Raises:
      ValueError: If the folder holds rows of other settings; names each.
    """

    def __init__(self, directory: str, header: Mapping):
        self.directory = directory
        self.header = dict(header)
        self.rows: list[dict] = []
        path = os.path.join(directory, RESULTS_FILE)
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                previous = json.load(file)
            changed = differences(previous["settings"], self.header["settings"])
            if changed:
                raise ValueError(
                    f"{directory} holds results of other settings: {'; '.join(changed)}. "
                    "Give another --output, or the old settings"
                )
            self.rows = previous["rows"]

    def finished_row(self, task: GlueTask, data_sha256: str) -> dict | None:
        """The row of a finished task, or None.

        Raises:
          ValueError: If the row was made from other files.
        """
        for row in self.rows:
            if row["task"] == task.name:
                if row["data_sha256"] != data_sha256:
                    raise ValueError(
                        f"{self.directory} holds a result of {task.name} from other files: "
                        f"sha256 {row['data_sha256'][:12]} -> {data_sha256[:12]}. "
                        "Give another --output, or the old --glue_dir"
                    )
                return row
        return None

    def begin(self) -> None:
        """Takes the completion marker away before the first unfinished task.

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
        marker = os.path.join(self.directory, COMPLETED_FILE)
        if os.path.exists(marker):
            os.remove(marker)

    def add(
        self, row: Mapping, *, task: GlueTask, labels: np.ndarray, predictions: np.ndarray
    ) -> None:
        """Keeps a finished task: its answers on dev first, then its row."""
        lines = ["index\tprediction\tlabel"]
        for index, pair in enumerate(zip(predictions, labels, strict=True)):
            lines.append("\t".join([str(index), *(_answer(task, value) for value in pair)]))
        path = os.path.join(self.directory, "predictions", f"{task.name}.tsv")
        _write(path, "\n".join(lines) + "\n")
        order = [known.name for known in TASKS]
        self.rows = sorted([*self.rows, dict(row)], key=lambda row: order.index(row["task"]))
        self._save()

    def add_rejects(self, task: GlueTask, rejects: Sequence[Reject]) -> None:
        """Keeps the bad rows of a task beside those of other tasks."""
        path = os.path.join(self.directory, "rejects.jsonl")
        kept = []
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                kept = [line for line in file if json.loads(line)["task"] != task.name]
        kept += [json.dumps(dataclasses.asdict(reject)) + "\n" for reject in rejects]
        if kept:
            _write(path, "".join(kept))

    def complete(self) -> None:
        """Sets the completion marker."""
        _write(
            os.path.join(self.directory, COMPLETED_FILE),
            json.dumps({"tasks": len(self.rows), "average": self.average}) + "\n",
        )

    @property
    def average(self) -> float:
        """Unweighted mean score of the tasks, a fraction."""
        return sum(row["score"] for row in self.rows) / len(self.rows)

    def table(self) -> str:
        """The score table, aligned for a terminal and valid Markdown."""
        return score_table(self.rows, average=self.average)

    def title(self) -> str:
        """What was scored, in one line."""
        kind = "Sample tasks (not GLUE)" if self.header["sample_tasks"] else "GLUE, dev sets"
        origin = {"checkpoint": "encoder of", "random": "random initialisation, sizes of"}
        return f"{kind}: {origin[self.header['initialisation']]} {self.header['checkpoint']}"

    def _save(self) -> None:
        content = {**self.header, "average": self.average, "rows": self.rows}
        notes = [f"\n{row['task']}: {row['note']}.\n" for row in self.rows if row.get("note")]
        _write(
            os.path.join(self.directory, "results.md"),
            f"# {self.title()}\n\n{self.table()}\n{''.join(notes)}",
        )
        _write(os.path.join(self.directory, RESULTS_FILE), json.dumps(content, indent=2) + "\n")


_COLUMNS: tuple[tuple[str, Callable[[Mapping], str]], ...] = (
    ("task", lambda row: row["task"]),
    ("score", lambda row: f"{100 * row['score']:.1f}"),
    (
        "metrics",
        lambda row: ", ".join(
            f"{METRIC_WORDS[name]} {100 * value:.1f}" for name, value in row["metrics"].items()
        ),
    ),
    ("train", lambda row: f"{row['train_examples']:,}"),
    ("dev", lambda row: f"{row['dev_examples']:,}"),
    ("steps", lambda row: f"{row['num_train_steps']:,}"),
    ("seconds", lambda row: f"{row['seconds']:.0f}"),
)
_LEFT_ALIGNED = ("task", "metrics")


def score_table(rows: Sequence[Mapping], *, average: float) -> str:
    """Rows and their average as an aligned table; scores are in percent."""
    cells = [[text(row) for _, text in _COLUMNS] for row in rows]
    cells.append(["average", f"{100 * average:.1f}", *[""] * (len(_COLUMNS) - 2)])
    heads = [head for head, _ in _COLUMNS]
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]

    def line(texts: Sequence[str]) -> str:
        parts = [
            text.ljust(width) if head in _LEFT_ALIGNED else text.rjust(width)
            for head, text, width in zip(heads, texts, widths, strict=True)
        ]
        return f"| {' | '.join(parts)} |"

    rule = [
        "-" * width if head in _LEFT_ALIGNED else "-" * (width - 1) + ":"
        for head, width in zip(heads, widths, strict=True)
    ]
    return "\n".join([line(heads), line(rule), *map(line, cells)])


def _answer(task: GlueTask, value: float) -> str:
    return f"{value:.3f}" if task.is_regression else task.labels[int(value)]


def _write(path: str, text: str) -> None:
    """Writes through a temporary name, so that no half file looks whole."""
    temporary = f"{path}.tmp"
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(temporary, path)
