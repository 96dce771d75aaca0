"""Official GLUE files to examples: the folder of a task to a `TaskData`.

Fields are split at tabs and nothing else. There is no quoting: the files hold stray
quotation marks, at which a reader of CSV would join lines. Lines end at a line feed
only, a byte-order mark is dropped. A bad row is left out, counted and saved in
`rejects.jsonl`; a file with more than 1% of bad rows is an error.
"""

import dataclasses
import hashlib
import math
import os
from collections.abc import Sequence

import numpy as np

from pipeline.glue.tasks import GlueTask

MAX_BAD_FRACTION = 0.01
DEV_SPLIT_SEED = 2019
MAX_SCORE = 5.0
_SHOWN_CHARACTERS = 300


@dataclasses.dataclass(frozen=True)
class Examples:
    """Texts and labels of one split.

    Attributes:
      texts: One list of strings per segment: one list, or two for pairs.
      labels: int32 `[num_examples]` classes, or float32 scores in [0, 5].
    """

    texts: tuple[list[str], ...]
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: Sequence[int]) -> "Examples":
        """The examples at `indices`, in that order."""
        texts = tuple([column[i] for i in indices] for column in self.texts)
        return Examples(texts=texts, labels=self.labels[np.asarray(indices, dtype=np.int64)])


@dataclasses.dataclass(frozen=True)
class Reject:
    """A row that was left out: its file and line, the reason, and its text."""

    task: str
    file: str
    line: int
    reason: str
    text: str


@dataclasses.dataclass(frozen=True)
class TaskData:
    """Both splits of a task, its bad rows, and a note for readers of its score."""

    train: Examples
    dev: Examples
    rejects: tuple[Reject, ...]
    sha256: str
    note: str = ""


def read_task(task: GlueTask, glue_dir: str) -> TaskData:
    """Reads `train.tsv` and `dev.tsv` of one task.

    Without `train.tsv`, a task whose row allows it (QNLI) is trained on a part
    of `dev.tsv` and scored on the rest; `TaskData.note` then says so.

    Raises:
      FileNotFoundError: If a needed file is missing.
      ValueError: If the header is another one, if more than 1% of the rows of
        a file are bad, or if a file has no rows.
    """
    folder = os.path.join(glue_dir, task.name)
    paths = [os.path.join(folder, name) for name in ("train.tsv", "dev.tsv")]
    split_dev = task.dev_train_fraction > 0 and not os.path.exists(paths[0])
    paths = paths[1:] if split_dev else paths
    digest = hashlib.sha256()
    splits, rejects = [], []
    for path in paths:
        examples, bad_rows = read_tsv(task, path, digest)
        splits.append(examples)
        rejects += bad_rows
    note = ""
    if split_dev:
        splits = _split_by_first_text(splits[0], task.dev_train_fraction)
        note = (
            f"no train.tsv: trained on {task.dev_train_fraction:.0%} of the first texts of "
            f"dev.tsv (seed {DEV_SPLIT_SEED}), scored on the rest; not comparable with the "
            "official split"
        )
    return TaskData(*splits, rejects=tuple(rejects), sha256=digest.hexdigest(), note=note)


def read_tsv(task: GlueTask, path: str, digest=None) -> tuple[Examples, list[Reject]]:
    """Reads one file; see the module docstring for the rules.

    Args:
      task: The row that describes the file.
      path: The file.
      digest: A hashlib object to update with the bytes of the file, or None.

    Returns:
      The good rows and the bad ones.

    Raises:
      As `read_task`.
    """
    lines = _read_lines(task, path, digest)
    if task.has_header:
        _check_header(task, path, lines[0])
    texts: tuple[list[str], ...] = tuple([] for _ in task.text_columns)
    labels, rejects = [], []
    first_row = 1 if task.has_header else 0
    for number, line in enumerate(lines[first_row:], start=first_row + 1):
        try:
            row_texts, label = _parse_row(task, line)
        except ValueError as error:
            shown = line.decode("utf-8", "backslashreplace")[:_SHOWN_CHARACTERS]
            rejects.append(Reject(task.name, path, number, str(error), shown))
            continue
        labels.append(label)
        for column, text in zip(texts, row_texts, strict=True):
            column.append(text)
    _check_rows(task, path, num_good=len(labels), rejects=rejects)
    dtype = np.float32 if task.is_regression else np.int32
    return Examples(texts=texts, labels=np.array(labels, dtype=dtype)), rejects


def _read_lines(task: GlueTask, path: str, digest) -> list[bytes]:
    try:
        with open(path, "rb") as file:
            content = file.read()
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{path}: file of task {task.name} is missing; {task.remedy}, or leave the task "
            "out of --tasks"
        ) from None
    if digest is not None:
        digest.update(content)
    # Not splitlines(): it also cuts at characters that occur inside sentences.
    lines = content.removeprefix(b"\xef\xbb\xbf").removesuffix(b"\n").split(b"\n")
    return [line.removesuffix(b"\r") for line in lines]


def _check_header(task: GlueTask, path: str, line: bytes) -> None:
    received = line.decode("utf-8", "backslashreplace").split("\t")
    if tuple(received) != task.columns:
        raise ValueError(
            f"{path}, line 1: expected the header {', '.join(task.columns)} (tab-separated), "
            f"received {', '.join(received)[:_SHOWN_CHARACTERS] or 'an empty line'}; "
            f"{task.remedy}"
        )


def _parse_row(task: GlueTask, line: bytes) -> tuple[list[str], float]:
    """Returns texts and label of a row; the ValueError says what is wrong with it."""
    try:
        fields = line.decode("utf-8").split("\t")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"expected UTF-8, received byte 0x{line[error.start]:02x} at offset {error.start}"
        ) from None
    if len(fields) != len(task.columns):
        raise ValueError(
            f"expected {len(task.columns)} tab-separated columns ({', '.join(task.columns)}), "
            f"received {len(fields)}"
        )
    row = dict(zip(task.columns, fields, strict=True))
    for column in task.text_columns:
        if not row[column].strip():
            raise ValueError(f"expected text in column {column}, received an empty field")
    return [row[column] for column in task.text_columns], _parse_label(task, row[task.label_column])


def _parse_label(task: GlueTask, text: str) -> float:
    if task.labels:
        if text not in task.labels:
            raise ValueError(
                f"expected {task.label_column} to be one of {', '.join(task.labels)}, "
                f"received {text!r}"
            )
        return task.labels.index(text)
    try:
        score = float(text)
    except ValueError:
        score = math.nan
    if not 0.0 <= score <= MAX_SCORE:
        raise ValueError(
            f"expected {task.label_column} to be a number from 0 to 5, received {text!r}"
        )
    return score


def _check_rows(task: GlueTask, path: str, *, num_good: int, rejects: list[Reject]) -> None:
    num_rows = num_good + len(rejects)
    if len(rejects) > MAX_BAD_FRACTION * num_rows:
        first = rejects[0]
        raise ValueError(
            f"{path}, line {first.line}: {first.reason}. {len(rejects)} of {num_rows} rows are "
            f"bad, more than {MAX_BAD_FRACTION:.0%}: repair or delete them, or {task.remedy}"
        )
    if not num_good:
        raise ValueError(
            f"{path}: expected rows with the columns {', '.join(task.columns)}, received none; "
            f"{task.remedy}"
        )


def _split_by_first_text(examples: Examples, train_fraction: float) -> list[Examples]:
    """Splits so that all rows with the same first text stay on one side.

    The same question comes with a right and with a wrong answer; with rows split at
    random, a model could tell one from the other, seen in training.
    """
    groups = sorted(set(examples.texts[0]))
    order = np.random.RandomState(DEV_SPLIT_SEED).permutation(len(groups))
    in_train = {groups[i] for i in order[: round(train_fraction * len(groups))]}
    sides = ([], [])
    for index, text in enumerate(examples.texts[0]):
        sides[text not in in_train].append(index)
    return [examples.take(side) for side in sides]
