"""One official TSV file to its rows, good and bad.

Fields are split at tabs and nothing else. There is no quoting: the files hold stray
quotation marks, at which a reader of CSV would join lines. Lines end at a line feed
only, a byte-order mark and a carriage return before the line feed are dropped. A bad row is left
out, counted and saved in `rejects.jsonl`; a file with more than 1% of bad rows is an error. A bad
row of a test file keeps its place with the text that it has, because every row needs an answer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from pipeline.glue.files.examples import Examples, Reject, Texts
from pipeline.glue.task import GlueTask

MAX_BAD_FRACTION = 0.01
_SHOWN_CHARACTERS = 300


def read_tsv(
    task: GlueTask, path: str, digest=None, *, columns: Sequence[str] = ()
) -> tuple[Examples, list[Reject]]:
    """Reads one file with labels.

    Args:
      task: The row that describes the file.
      path: The file.
      digest: A hashlib object to update with the bytes of the file, or None.
      columns: Of this file, where they are others than those of `task`.

    Returns:
      The good rows and the bad ones.

    Raises:
      FileNotFoundError: If the file is missing.
      ValueError: If the header is another one, if more than 1% of the rows are bad, or if
        there are none.
    """
    columns = tuple(columns) or task.columns
    rows = _read_rows(task, path, digest, columns if task.has_header else ())
    texts: Texts = tuple([] for _ in task.text_columns)
    labels, rejects = [], []
    for number, line in rows:
        try:
            row = _fields(line, columns)
            row_texts = [_text(row, column) for column in task.text_columns]
            label = parse_label(task, row[task.label_column])
        except ValueError as error:
            rejects.append(_reject(task, path, number, error, line))
            continue
        labels.append(label)
        for column, text in zip(texts, row_texts, strict=True):
            column.append(text)
    _check_rows(task, path, columns, num_rows=len(rows), rejects=rejects)
    dtype = np.float32 if task.is_regression else np.int32
    return Examples(texts=texts, labels=np.array(labels, dtype=dtype)), rejects


def read_texts(
    task: GlueTask, path: str, *, columns: Sequence[str], text_columns: Sequence[str]
) -> tuple[Texts, list[Reject]]:
    """Reads one test file, whose labels are hidden.

    Args:
      task: The task.
      path: The file.
      columns: Of the file, which has a header.
      text_columns: Those with text.

    Returns:
      The texts of all rows, and the bad ones among these. An empty text is no bad row here: the
      test file of QQP has some.

    Raises:
      As `read_tsv`.
    """
    rows = _read_rows(task, path, None, columns)
    texts: Texts = tuple([] for _ in text_columns)
    rejects = []
    for number, line in rows:
        try:
            row = _fields(line, columns)
        except ValueError as error:
            rejects.append(_reject(task, path, number, error, line))
            fields = line.decode("utf-8", "replace").split("\t")
            row = dict(zip(columns, fields, strict=False))
        for column, name in zip(texts, text_columns, strict=True):
            column.append(row.get(name, ""))
    _check_rows(task, path, columns, num_rows=len(rows), rejects=rejects)
    return texts, rejects


def read_lines(task: GlueTask, path: str, digest=None) -> list[bytes]:
    """The lines of a file without their ends; FileNotFoundError says what to do."""
    try:
        with open(path, "rb") as file:
            content = file.read()
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{path}: file of task {task.name} is missing; {task.remedy}, or leave the task "
            "out of --tasks"
        ) from None
    except OSError as error:
        raise OSError(
            f"{path}: expected a file of task {task.name}, received {error.strerror}; {task.remedy}"
        ) from error
    if digest is not None:
        digest.update(content)
    # Not splitlines(): it also cuts at characters that occur inside sentences.
    lines = content.removeprefix(b"\xef\xbb\xbf").removesuffix(b"\n").split(b"\n")
    return [line.removesuffix(b"\r") for line in lines]


def parse_label(task: GlueTask, text: str) -> float:
    """The class number or the score of a label; the ValueError says what was expected."""
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
    low, high = task.score_range
    if not low <= score <= high:
        raise ValueError(
            f"expected {task.label_column} to be a number from {low:g} to {high:g}, "
            f"received {text!r}"
        )
    return score


def _read_rows(task: GlueTask, path: str, digest, header: Sequence[str]) -> list[tuple[int, bytes]]:
    """The rows below the header, if there is one, each with the number of its line."""
    lines = read_lines(task, path, digest)
    if lines == [b""]:
        lines = []
    if header:
        _check_header(task, path, lines[0] if lines else b"", header)
    return list(enumerate(lines, start=1))[1 if header else 0 :]


def _check_header(task: GlueTask, path: str, line: bytes, columns: Sequence[str]) -> None:
    received = line.decode("utf-8", "backslashreplace").split("\t")
    if tuple(received) != tuple(columns):
        raise ValueError(
            f"{path}, line 1: expected the header {', '.join(columns)} (tab-separated), "
            f"received {', '.join(received)[:_SHOWN_CHARACTERS] or 'an empty line'}; "
            f"{task.remedy}"
        )


def _fields(line: bytes, columns: Sequence[str]) -> dict[str, str]:
    """Column -> text of a row; the ValueError says what is wrong with it."""
    try:
        fields = line.decode("utf-8").split("\t")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"expected UTF-8, received byte 0x{line[error.start]:02x} at offset {error.start}"
        ) from None
    if len(fields) != len(columns):
        raise ValueError(
            f"expected {len(columns)} tab-separated columns ({', '.join(columns)}), "
            f"received {len(fields)}"
        )
    return dict(zip(columns, fields, strict=True))


def _text(row: dict[str, str], column: str) -> str:
    if not row[column].strip():
        raise ValueError(f"expected text in column {column}, received an empty field")
    return row[column]


def _reject(task: GlueTask, path: str, number: int, error: ValueError, line: bytes) -> Reject:
    shown = line.decode("utf-8", "backslashreplace")[:_SHOWN_CHARACTERS]
    return Reject(task.name, path, number, str(error), shown)


def _check_rows(
    task: GlueTask, path: str, columns: Sequence[str], *, num_rows: int, rejects: list[Reject]
) -> None:
    if len(rejects) > MAX_BAD_FRACTION * num_rows:
        first = rejects[0]
        raise ValueError(
            f"{path}, line {first.line}: {first.reason}. {len(rejects)} of {num_rows} rows are "
            f"bad, more than {MAX_BAD_FRACTION:.0%}: repair or delete them, or {task.remedy}"
        )
    if not num_rows:
        raise ValueError(
            f"{path}: expected rows with the columns {', '.join(columns)}, received none; "
            f"{task.remedy}"
        )
