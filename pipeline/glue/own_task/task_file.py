"""The YAML of a user's task -> a checked `TaskFile`.

name: stars                     # of the table and of the model's folder; otherwise the file's name
train: train.jsonl              # TSV with a header, JSONL or Parquet, next to the YAML
dev: dev.jsonl                  # or dev_fraction: 0.1 of the training texts
test: test.jsonl                # answered, not scored; may be left out
text_columns: [review]          # or two for pairs
label_column: stars
labels: [bad, good]             # or score_range: [1, 5], a regression
metrics: [accuracy, macro_f1]   # otherwise accuracy, or pearson and spearman
num_train_epochs: 3
"""

from __future__ import annotations

import dataclasses
import difflib
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from pipeline.glue.task import DEFAULT_NUM_TRAIN_EPOCHS, GlueTask

_CLASS_METRICS = ("accuracy", "macro_f1", "f1", "matthews")
_SCORE_METRICS = ("pearson", "spearman")
_KEYS = (
    *("train", "dev", "dev_fraction", "test", "name", "text_columns", "label_column", "labels"),
    *("score_range", "metrics", "num_train_epochs"),
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclasses.dataclass(frozen=True)
class TaskFile:
    """What the YAML says.

    Attributes:
      task: Columns, labels, metrics.
      train: Path of the training examples.
      dev: Path of the dev examples, or "" where they are a part of the training examples.
      test: Path of texts to answer, or "".
      dev_fraction: Of the training texts, where there is no dev file.
    """

    task: GlueTask
    train: str
    dev: str
    test: str
    dev_fraction: float


def read_task_file(path: str) -> TaskFile:
    """Reads and checks the YAML.

    Raises:
      FileNotFoundError: If it is missing.
      ValueError: If a key is unknown, missing, or its value is none that it can have; the message
        names the file and the key.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(f"--task_file {path}: expected a YAML file, there is none")
    with open(path, encoding="utf-8-sig") as file:
        try:
            # Every scalar stays text: YAML would read the label `no` as false and 1.0 as a number.
            content = yaml.load(file, Loader=_Loader)  # noqa: S506
        except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
            raise ValueError(f"{path}: expected YAML, received: {error}") from None
    return _Checked(path, content).task_file()


class _Loader(yaml.BaseLoader):
    """Text alone, and an error where YAML would let the second of two equal keys win."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for number, key in enumerate(keys):
            if key in keys[:number]:
                raise yaml.YAMLError(f"the key {key} twice")
        return super().construct_mapping(node, deep)


class _Checked:
    """The values of a YAML, each checked where it is taken."""

    def __init__(self, path: str, content: Any):
        self._path = path
        if not isinstance(content, Mapping):
            raise ValueError(f"{path}: expected keys with values, received {content!r:.80}")
        self._content = dict(content)
        for key in content:
            if key not in _KEYS:
                near = difflib.get_close_matches(key, _KEYS, n=1)
                known = f"{near[0]} or another" if near else "one"
                self._fail("keys", f"{known} of {', '.join(_KEYS)}", key)

    def task_file(self) -> TaskFile:
        task = self._task()
        train, dev, test = (self._file(key) for key in ("train", "dev", "test"))
        fraction = self._numbers("dev_fraction", 1, "0")[0]
        if not train:
            self._fail("train", "the file of the training examples", "nothing")
        if bool(dev) == bool(fraction):
            self._fail("dev", "either this file or a dev_fraction", "both" if dev else "neither")
        if not 0 <= fraction < 1:
            self._fail("dev_fraction", "a number above 0 and below 1", f"{fraction:g}")
        if test:
            task = dataclasses.replace(task, test_files=((task.name, os.path.basename(test)),))
        return TaskFile(task, train, dev, test, fraction)

    def _task(self) -> GlueTask:
        name = self._text("name") or os.path.splitext(os.path.basename(self._path))[0]
        if not _NAME.fullmatch(name):
            self._fail("name", "letters, digits and . _ -, for it names a folder", name)
        text_columns = self._list("text_columns")
        if len(text_columns) not in (1, 2):
            self._fail("text_columns", "one column, or two for pairs", f"{len(text_columns)}")
        label_column = self._text("label_column") or "label"
        if len({*text_columns, label_column}) <= len(text_columns):
            columns = ", ".join([*text_columns, label_column])
            self._fail("text_columns", "text and label in columns of their own", columns)
        labels, score_range = self._labels_and_range()
        epochs = self._numbers("num_train_epochs", 1, str(DEFAULT_NUM_TRAIN_EPOCHS))[0]
        if not epochs > 0:
            self._fail("num_train_epochs", "more than 0", f"{epochs:g}")
        return GlueTask(
            name=name,
            columns=(*text_columns, label_column),
            text_columns=text_columns,
            label_column=label_column,
            labels=labels,
            metrics=self._metrics(labels),
            score_range=score_range,
            num_train_epochs=epochs,
            remedy=f"correct the file or {self._path}",
        )

    def _labels_and_range(self) -> tuple[tuple[str, ...], tuple[float, float]]:
        labels = self._list("labels")
        given = "score_range" in self._content
        low, high = self._numbers("score_range", 2, "0", "1")
        if bool(labels) == given:
            both = "both" if given else "neither"
            self._fail("labels", "either all labels, or the score_range of a regression", both)
        if labels and (len(labels) < 2 or len(set(labels)) < len(labels)):
            self._fail("labels", "at least two that differ", ", ".join(labels))
        if any("\t" in label or "\n" in label for label in labels):
            self._fail("labels", "no tabs or line ends in them", repr(labels))
        if not low < high:
            self._fail("score_range", "a lower and a higher number", f"{low:g}, {high:g}")
        return labels, (low, high)

    def _metrics(self, labels: Sequence[str]) -> tuple[str, ...]:
        known = _CLASS_METRICS if labels else _SCORE_METRICS
        metrics = self._list("metrics") or (known if not labels else known[:1])
        for metric in metrics:
            if metric not in known:
                self._fail("metrics", f"some of {', '.join(known)}", metric)
            if metric == "f1" and len(labels) != 2:
                self._fail("metrics", "macro_f1 with more than two labels", "f1")
        return metrics

    def _file(self, key: str) -> str:
        name = self._text(key)
        if not name:
            return ""
        path = os.path.join(os.path.dirname(self._path), name)
        if not os.path.isfile(path):
            raise FileNotFoundError(f"{self._path}: {key}: expected a file, there is no {path}")
        return path

    def _text(self, key: str) -> str:
        value = self._content.pop(key, "")
        if not isinstance(value, str):
            self._fail(key, "one value", repr(value))
        return value

    def _list(self, key: str) -> tuple[str, ...]:
        value = self._content.pop(key, [])
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
            self._fail(key, "a list", repr(value))
        return tuple(values)

    def _numbers(self, key: str, count: int, *default: str) -> list[float]:
        values = self._list(key) or default
        try:
            numbers = [float(each) for each in values]
        except ValueError:
            numbers = []
        if len(numbers) != count or not all(abs(each) < float("inf") for each in numbers):
            self._fail(key, "a number" if count == 1 else f"{count} numbers", ", ".join(values))
        return numbers

    def _fail(self, key: str, expected: str, received: str):
        raise ValueError(f"{self._path}: {key}: expected {expected}, received {received}")
