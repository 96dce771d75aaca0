"""What a task is: the layout of its files, its labels, its metrics and its defaults."""

from __future__ import annotations

import dataclasses
import re

METRIC_WORDS = {
    "accuracy": "accuracy",
    "f1": "F1",
    "macro_f1": "macro F1",
    "matthews": "Matthews",
    "pearson": "Pearson",
    "spearman": "Spearman",
}
DEFAULT_NUM_TRAIN_EPOCHS = 3.0
MAX_SCORE = 5.0  # of STS-B


@dataclasses.dataclass(frozen=True)
class GlueTask:
    """Layout, labels, metrics and defaults of one task, of GLUE or of a user.

    Attributes:
      name: Name of the task and of its folder, case included.
      columns: The tab-separated columns of `train.tsv`, in order.
      text_columns: One column of text, or two for a pair of segments.
      label_column: The column with the label.
      labels: Label strings; a class number is an index into them. Empty for a
        regression on a score in `score_range`.
      metrics: Names of `metrics.METRICS`; their mean is the score of the task.
      has_header: Whether the first line of `train.tsv` and of a dev file names the columns; that
        of a test file always does.
      dev_columns: Those of a dev file; empty for the same as `columns`.
      test_columns: Those of a test file, which has no labels.
      dev_files: (suffix of the metrics, file): one dev set without a suffix, or several.
      test_files: (name in a submission to GLUE, file), one for each dev set.
      dev_train_fraction: Used when `train.tsv` is missing: this fraction of the
        distinct first texts of `dev.tsv` is trained on. 0 means that the task
        needs `train.tsv`.
      score_range: The lowest and the highest score of a regression.
      num_train_epochs: Default passes over the training examples.
      starts_from_mnli: Whether it is fine-tuned from the encoder of MNLI with --from_mnli.
      remedy: What to do when a file of the task is missing.

    Raises:
      ValueError: If the name cannot be that of a file.
    """

    name: str
    columns: tuple[str, ...]
    text_columns: tuple[str, ...]
    label_column: str = "label"
    labels: tuple[str, ...] = ("0", "1")
    metrics: tuple[str, ...] = ("accuracy",)
    has_header: bool = True
    dev_columns: tuple[str, ...] = ()
    test_columns: tuple[str, ...] = ()
    dev_files: tuple[tuple[str, str], ...] = (("", "dev.tsv"),)
    test_files: tuple[tuple[str, str], ...] = ()
    dev_train_fraction: float = 0.0
    score_range: tuple[float, float] = (0.0, MAX_SCORE)
    num_train_epochs: float = DEFAULT_NUM_TRAIN_EPOCHS
    starts_from_mnli: bool = False
    remedy: str = "take the folder from the official download of the benchmark"

    def __post_init__(self):
        if not re.fullmatch(r"\w[\w.-]*", self.name):
            raise ValueError(
                "name of a task: expected letters, digits, '.', '-' and '_', which also name its "
                f"files, received {self.name!r}"
            )

    @property
    def is_regression(self) -> bool:
        """Whether the label is a score and not a class."""
        return not self.labels

    @property
    def num_outputs(self) -> int:
        """Outputs of the classifier: one per label, or one for a regression."""
        return len(self.labels) or 1

    @property
    def suffixes(self) -> tuple[str, ...]:
        """What the name of a metric ends with, for each dev set: ("",), or ("m", "mm")."""
        return tuple(suffix for suffix, _ in self.dev_files)

    @property
    def metric_label(self) -> str:
        """The metrics in words, for tables: "F1 / accuracy"."""
        names = (metric_name(name, suffix) for suffix in self.suffixes for name in self.metrics)
        return " / ".join(metric_words(name) for name in names)


def metric_name(metric: str, suffix: str) -> str:
    """The key of a metric in a row of results: "accuracy", or "accuracy_mm" of a second dev set."""
    return f"{metric}_{suffix}" if suffix else metric


def metric_words(name: str) -> str:
    """A metric's key in words: "accuracy mm" of "accuracy_mm"."""
    if name in METRIC_WORDS:
        return METRIC_WORDS[name]
    metric, _, suffix = name.rpartition("_")
    return f"{METRIC_WORDS.get(metric, metric)} {suffix}".strip()
