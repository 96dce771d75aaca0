"""The files of a user's task -> its examples, bad rows left out and counted."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from data_prep import storage
from pipeline.glue.files.examples import Examples, Reject, TaskData, Texts
from pipeline.glue.files.tsv import MAX_BAD_FRACTION, parse_label
from pipeline.glue.own_task.task_file import TaskFile, read_task_file
from pipeline.glue.task import GlueTask
from pipeline.text_tables import Row, read_rows, texts_of
from pipeline.text_tables.reader import shown

_DEV_SPLIT_SEED = 2019  # as of the reader of GLUE


def read_own_task(path: str) -> tuple[GlueTask, TaskData]:
    """Reads a user's task.

    Args:
      path: YAML, see `task_file`.

    Raises:
      FileNotFoundError: If the YAML or a file that it names is missing.
      ValueError: If the YAML is wrong, a file has no rows, or more than 1% of its rows are bad.
    """
    said = read_task_file(path)
    task = said.task
    train, rejects = _labelled(task, said.train)
    note = ""
    if said.dev:
        dev, bad_rows = _labelled(task, said.dev)
        rejects += bad_rows
    else:
        train, dev = _split(train, said, path)
        note = (
            f"no dev file: scored on {said.dev_fraction:.0%} of the first texts of the training "
            f"file (seed {_DEV_SPLIT_SEED}), trained on the rest"
        )
    tests: dict[str, Texts] = {}
    if said.test:
        tests[task.name], bad_rows = _unlabelled(task, said.test)
        rejects += bad_rows
    data = TaskData(
        train, dev, rejects=tuple(rejects), sha256=_digest(said), note=note, tests=tests
    )
    return task, data


def _labelled(task: GlueTask, path: str) -> tuple[Examples, list[Reject]]:
    texts: Texts = tuple([] for _ in task.text_columns)
    labels, rejects = [], []
    for row in read_rows(path):
        try:
            row_texts = texts_of(row, task.text_columns)
            label = parse_label(task, _label_text(row, task.label_column))
        except ValueError as error:
            rejects.append(_reject(task, path, row, error))
            continue
        labels.append(label)
        for column, text in zip(texts, row_texts, strict=True):
            column.append(text)
    _check_rows(path, task, len(labels), rejects)
    dtype = np.float32 if task.is_regression else np.int32
    return Examples(texts, np.array(labels, dtype)), rejects


def _unlabelled(task: GlueTask, path: str) -> tuple[Texts, list[Reject]]:
    """Texts to answer, one per row of the file, so that answers keep their numbers."""
    texts: Texts = tuple([] for _ in task.text_columns)
    rejects = []
    for row in read_rows(path):
        try:
            row_texts = texts_of(row, task.text_columns)
        except ValueError as error:
            rejects.append(_reject(task, path, row, error))
            row_texts = [""] * len(texts)
        for column, text in zip(texts, row_texts, strict=True):
            column.append(text)
    _check_rows(path, task, len(texts[0]) - len(rejects), rejects)
    return texts, rejects


def _label_text(row: Row, column: str) -> str:
    """The label as the YAML would write it: true is "true", 1 is "1"."""
    if column not in row.values:
        raise ValueError(f"expected the column {column}, received {', '.join(row.values)}")
    value = row.values[column]
    if value is None:
        raise ValueError(f"expected a label in column {column}, received null")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _reject(task: GlueTask, path: str, row: Row, error: ValueError) -> Reject:
    return Reject(task.name, path, row.number, str(error), shown(row))


def _check_rows(path: str, task: GlueTask, num_good: int, rejects: Sequence[Reject]) -> None:
    num_rows = num_good + len(rejects)
    if not num_rows:
        columns = ", ".join(task.columns)
        raise ValueError(f"{path}: expected rows with the columns {columns}, received none")
    if len(rejects) > MAX_BAD_FRACTION * num_rows:
        first = rejects[0]
        raise ValueError(
            f"{path}, row {first.line}: {first.reason}. {len(rejects)} of {num_rows} rows are bad, "
            f"more than {MAX_BAD_FRACTION:.0%}: {task.remedy}"
        )


def _split(train: Examples, said: TaskFile, path: str) -> tuple[Examples, Examples]:
    """Rows with the same first text stay on one side: seen in training, they would give it away."""
    groups = sorted(set(train.texts[0]))
    num_dev = round(said.dev_fraction * len(groups))
    if not 0 < num_dev < len(groups):
        raise ValueError(
            f"{path}: dev_fraction: expected a fraction that leaves texts on both sides, received "
            f"{said.dev_fraction:g} of {len(groups)} different texts"
        )
    order = np.random.RandomState(_DEV_SPLIT_SEED).permutation(len(groups))
    in_dev = {groups[i] for i in order[:num_dev]}
    sides: tuple[list[int], list[int]] = ([], [])
    for index, text in enumerate(train.texts[0]):
        sides[text in in_dev].append(index)
    return train.take(sides[0]), train.take(sides[1])


def _digest(said: TaskFile) -> str:
    """Of what the score depends on: the files, and what the YAML makes of them."""
    digest = hashlib.sha256()
    for path in (said.train, said.dev):
        if path:
            digest.update(storage.sha256(path).encode())
    task = said.task
    meaning = (task.text_columns, task.label_column, task.labels, task.score_range)
    training = (said.dev_fraction, task.metrics, task.num_train_epochs)
    digest.update(repr((*meaning, *training)).encode())
    return digest.hexdigest()
