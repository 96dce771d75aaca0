"""The GLUE tasks, one row each, and which of them a folder holds.

A row has the layout of a task's files, its labels in the order of their class
numbers, and the metrics of its score.

Source: Wang et al. 2019 (GLUE), table 1, and the files of the benchmark.
"""

import dataclasses
import json
import os
from collections.abc import Sequence

# `mnemosyne sample-tasks` writes it into the folder of its tasks.
_ORIGIN_FILE = "sample_tasks.json"


@dataclasses.dataclass(frozen=True)
class GlueTask:
    """Layout, labels and metrics of one task.

    Attributes:
      name: Name of the task and of its folder, case included.
      columns: The tab-separated columns of `train.tsv` and `dev.tsv`, in order.
      text_columns: One column of text, or two for a pair of segments.
      label_column: The column with the label.
      labels: Label strings; a class number is an index into them. Empty for a
        regression on a score in [0, 5].
      metrics: Names of `metrics.METRICS`; their mean is the score of the task.
      has_header: Whether the first line names the columns.
      dev_train_fraction: Used when `train.tsv` is missing: this fraction of the
        distinct first texts of `dev.tsv` is trained on. 0 means that the task
        needs `train.tsv`.
      remedy: What to do when a file of the task is missing.
    """

    name: str
    columns: tuple[str, ...]
    text_columns: tuple[str, ...]
    label_column: str = "label"
    labels: tuple[str, ...] = ("0", "1")
    metrics: tuple[str, ...] = ("accuracy",)
    has_header: bool = True
    dev_train_fraction: float = 0.0
    remedy: str = "take the folder from the official download of the benchmark"

    @property
    def is_regression(self) -> bool:
        """Whether the label is a score and not a class."""
        return not self.labels

    @property
    def num_outputs(self) -> int:
        """Outputs of the classifier: one per label, or one for a regression."""
        return len(self.labels) or 1

    @property
    def metric_label(self) -> str:
        """The metrics in words, for tables: "F1 / accuracy"."""
        return " / ".join(METRIC_WORDS[name] for name in self.metrics)


METRIC_WORDS = {
    "accuracy": "accuracy",
    "f1": "F1",
    "matthews": "Matthews",
    "pearson": "Pearson",
    "spearman": "Spearman",
}

_ENTAILMENT = ("entailment", "not_entailment")

TASKS: tuple[GlueTask, ...] = (
    GlueTask(
        name="CoLA",
        columns=("source", "label", "mark", "sentence"),
        text_columns=("sentence",),
        metrics=("matthews",),
        has_header=False,
    ),
    GlueTask(
        name="SST-2",
        columns=("sentence", "label"),
        text_columns=("sentence",),
    ),
    GlueTask(
        name="MRPC",
        columns=("Quality", "#1 ID", "#2 ID", "#1 String", "#2 String"),
        text_columns=("#1 String", "#2 String"),
        label_column="Quality",
        metrics=("f1", "accuracy"),
        remedy="the benchmark does not host this task: build the file from Microsoft's "
        "msr_paraphrase_train.txt, whose pairs in dev_ids.tsv are dev.tsv",
    ),
    GlueTask(
        name="STS-B",
        columns=(
            "index",
            "genre",
            "filename",
            "year",
            "old_index",
            "source1",
            "source2",
            "sentence1",
            "sentence2",
            "score",
        ),
        text_columns=("sentence1", "sentence2"),
        label_column="score",
        labels=(),
        metrics=("pearson", "spearman"),
    ),
    GlueTask(
        name="QNLI",
        columns=("index", "question", "sentence", "label"),
        text_columns=("question", "sentence"),
        labels=_ENTAILMENT,
        dev_train_fraction=0.8,
    ),
    GlueTask(
        name="RTE",
        columns=("index", "sentence1", "sentence2", "label"),
        text_columns=("sentence1", "sentence2"),
        labels=_ENTAILMENT,
    ),
    GlueTask(
        name="WNLI",
        columns=("index", "sentence1", "sentence2", "label"),
        text_columns=("sentence1", "sentence2"),
    ),
)


# All tasks of GLUE with labels for their dev sets, in its order; those without a row in `TASKS`
# are not supported.
GLUE_TASKS = ("CoLA", "SST-2", "MRPC", "STS-B", "QQP", "MNLI", "QNLI", "RTE", "WNLI")


def holds_sample_tasks(glue_dir: str) -> bool:
    """Whether the tasks of a folder only have the layout of GLUE's: `sample_tasks.json` says so."""
    path = os.path.join(glue_dir, _ORIGIN_FILE)
    if not os.path.isfile(path):
        return False
    with open(path, encoding="utf-8") as file:
        return not json.load(file)["is_glue"]


def select_tasks(glue_dir: str, names: str) -> tuple[GlueTask, ...]:
    """Returns the tasks to run, in the order of `TASKS`.

    Args:
      glue_dir: Folder with one sub-folder per task.
      names: "all" for every task that has a folder, or task names joined by
        commas; upper and lower case are the same.

    Raises:
      FileNotFoundError: If `glue_dir`, or the folder of a named task, is
        missing, or if "all" finds no task.
      ValueError: If a name is not a task.
    """
    if not os.path.isdir(glue_dir):
        raise FileNotFoundError(
            f"--glue_dir {glue_dir}: expected a folder with one sub-folder per task, received "
            "a path where there is none; give the folder that holds CoLA, SST-2 and so on"
        )
    if names.strip().lower() == "all":
        return _present_tasks(glue_dir)
    chosen = _named_tasks(names.split(","))
    for task in chosen:
        if not os.path.isdir(os.path.join(glue_dir, task.name)):
            raise FileNotFoundError(
                f"{os.path.join(glue_dir, task.name)}: folder of task {task.name} is missing; "
                f"{task.remedy}, or leave the task out of --tasks"
            )
    return chosen


def _present_tasks(glue_dir: str) -> tuple[GlueTask, ...]:
    present = tuple(t for t in TASKS if os.path.isdir(os.path.join(glue_dir, t.name)))
    if not present:
        raise FileNotFoundError(
            f"--glue_dir {glue_dir}: expected at least one folder named "
            f"{', '.join(t.name for t in TASKS)}, received "
            f"{', '.join(sorted(os.listdir(glue_dir))[:8]) or 'an empty folder'}; "
            "give the folder that holds the task folders"
        )
    return present


def _named_tasks(names: Sequence[str]) -> tuple[GlueTask, ...]:
    by_name = {task.name.lower(): task for task in TASKS}
    wanted = [name.strip().lower() for name in names if name.strip()]
    unknown = [name for name in wanted if name not in by_name]
    if unknown or not wanted:
        unsupported = [name for name in GLUE_TASKS if name.lower() in unknown]
        hint = f" ({', '.join(unsupported)}: not supported by this version)" if unsupported else ""
        raise ValueError(
            f"--tasks: expected all or some of {', '.join(t.name for t in TASKS)}, "
            f"received {', '.join(unknown) or 'nothing'}{hint}"
        )
    return tuple(task for task in TASKS if task.name.lower() in wanted)
