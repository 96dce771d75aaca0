"""The score table of a GLUE folder: saved after every task, continued by the next call.

`results.json` holds the settings, one row per finished task and the tasks that
are not run, `results.md` the same as a table, `predictions/<task>.tsv` the
answers on dev, `rejects.jsonl` the rows that were left out. COMPLETED says that
every chosen task is finished.
"""

import dataclasses
import json
import os
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from tabulate import tabulate

from data_prep import storage
from pipeline.glue.not_run import TaskNotRun, average_text, without_scored
from pipeline.glue.reader import Reject
from pipeline.glue.tasks import METRIC_WORDS, TASKS, GlueTask
from pipeline.recipes.loader import differences

RESULTS_FILE = "results.json"
COMPLETED_FILE = "COMPLETED"


class ResultsFolder:
    """Rows of finished tasks under one set of settings.

    Args:
      directory: The folder; created with the first row.
      header: "checkpoint", "initialisation" ("checkpoint" or "random"), "encoder_step" (the step
        of the checkpoint, or None), "sample_tasks" and "settings", the mapping that must not
        change.
      not_run: The tasks that are left out.

    Raises:
      ValueError: If the folder holds rows of other settings, names each; or of other weights.
    """

    def __init__(self, directory: str, header: Mapping, *, not_run: Sequence[TaskNotRun] = ()):
        self.directory = directory
        self.header = dict(header)
        self.rows: list[dict] = []
        self._not_run = tuple(not_run)
        path = os.path.join(directory, RESULTS_FILE)
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                previous = json.load(file)
            _check_unchanged(directory, previous, self.header)
            self.rows = previous["rows"]

    @property
    def not_run(self) -> list[TaskNotRun]:
        """The tasks without a score: neither chosen now nor finished by an earlier call."""
        return without_scored(self._not_run, self._scored())

    def _scored(self) -> list[str]:
        return [row["task"] for row in self.rows]

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
        self, row: Mapping, *, task: GlueTask, labels: np.ndarray, predictions: np.ndarray
    ) -> None:
        """Saves a finished task: its answers on dev first, then its row."""
        lines = ["index\tprediction\tlabel"]
        for index, pair in enumerate(zip(predictions, labels, strict=True)):
            lines.append("\t".join([str(index), *(_answer(task, value) for value in pair)]))
        path = os.path.join(self.directory, "predictions", f"{task.name}.tsv")
        _write(path, "\n".join(lines) + "\n")
        order = [known.name for known in TASKS]
        self.rows = sorted([*self.rows, dict(row)], key=lambda row: order.index(row["task"]))
        self._save()

    def add_rejects(self, task: GlueTask, rejects: Sequence[Reject]) -> None:
        """Saves the bad rows of a task next to those of other tasks."""
        path = os.path.join(self.directory, "rejects.jsonl")
        kept = []
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                kept = [line for line in file if json.loads(line)["task"] != task.name]
        kept += [json.dumps(dataclasses.asdict(reject)) + "\n" for reject in rejects]
        if kept:
            _write(path, "".join(kept))

    def complete(self) -> None:
        """Writes the completion marker, after what is not run now."""
        self._save()
        _write(
            os.path.join(self.directory, COMPLETED_FILE),
            json.dumps({"tasks": self._scored(), "average": self.average}) + "\n",
        )

    @property
    def average(self) -> float:
        """Unweighted mean score of the finished tasks, a fraction."""
        return sum(row["score"] for row in self.rows) / len(self.rows)

    def average_text(self) -> str:
        """Of which tasks the average is, and which are not run: one line each."""
        about = average_text(self._scored(), sample_tasks=self.header["sample_tasks"])
        return "\n".join([about, *(each.line() for each in self.not_run)])

    def table(self) -> str:
        """The score table, aligned for a terminal and valid Markdown."""
        return score_table(self.rows, average=self.average)

    def title(self) -> str:
        """What was scored, in one line."""
        kind = "Sample tasks (not GLUE)" if self.header["sample_tasks"] else "GLUE, dev sets"
        origin = {"checkpoint": "encoder of", "random": "random initialisation, sizes of"}
        step = self.header.get("encoder_step")
        at_step = "" if step is None else f" at step {step:,}"
        encoder = f"{origin[self.header['initialisation']]} {self.header['checkpoint']}"
        return f"{kind}: {encoder}{at_step}"

    def _save(self) -> None:
        content = {
            **self.header,
            "average": self.average,
            "rows": self.rows,
            "not_run": [dataclasses.asdict(each) for each in self.not_run],
        }
        notes = [f"{row['task']}: {row['note']}." for row in self.rows if row.get("note")]
        lines = [*self.average_text().split("\n"), *notes]
        _write(
            os.path.join(self.directory, "results.md"),
            "\n\n".join([f"# {self.title()}", self.table(), *lines]) + "\n",
        )
        _write(os.path.join(self.directory, RESULTS_FILE), json.dumps(content, indent=2) + "\n")


def _check_unchanged(directory: str, old: Mapping, new: Mapping) -> None:
    changed = differences(old["settings"], new["settings"])
    if not changed:
        return
    if other := _other_weights(old, new):
        raise ValueError(f"{directory} holds results of {other}; use another --output")
    raise ValueError(
        f"{directory} holds results of other settings: {'; '.join(changed)}. "
        "Give another --output, or the old settings"
    )


def _other_weights(old: Mapping, new: Mapping) -> str:
    """What became of the pre-trained weights if nothing else changed; "" otherwise.

    Their hash tells that they differ, and a reader nothing.
    """
    before = old["settings"].get("encoder_hash")
    same_but_weights = {**new["settings"], "encoder_hash": before} == old["settings"]
    if not before or not same_but_weights or new["initialisation"] != "checkpoint":
        return ""
    if os.path.realpath(old["checkpoint"]) != os.path.realpath(new["checkpoint"]):
        return f"{old['checkpoint']}, received {new['checkpoint']}"
    earlier, step = old.get("encoder_step"), new.get("encoder_step")
    if earlier is None or step is None:
        became = "trained further since"
    elif step > earlier:
        became = f"trained further since, from step {earlier:,} to {step:,}"
    else:
        became = "trained anew since"
    return f"earlier weights: {new['checkpoint']} was {became}"


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
    return tabulate(
        cells,
        heads,
        tablefmt="pipe",
        colalign=["left" if head in _LEFT_ALIGNED else "right" for head in heads],
        disable_numparse=True,
    )


def _answer(task: GlueTask, value: float) -> str:
    return f"{value:.3f}" if task.is_regression else task.labels[int(value)]


def _write(path: str, text: str) -> None:
    storage.write_whole(path, text.encode("utf-8"))
