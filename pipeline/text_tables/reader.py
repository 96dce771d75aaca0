"""A TSV, JSON Lines or Parquet file -> its rows, bad ones with the reason.

TSV: UTF-8, the first line names the columns, fields are split at tabs and nothing else; there is no
quoting. JSON Lines: one object a line. A byte-order mark is dropped; lines end at a line feed, a
carriage return before it is dropped.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.text_tables.kinds import JSONL, PARQUET, kind_of
from pipeline.text_tables.other_kinds import refuse_other_kinds

_SHOWN_CHARACTERS = 300
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclasses.dataclass(frozen=True)
class Row:
    """One row of a file.

    Attributes:
        number: of the row, from 1; the header of a TSV file does not count.
        values: by column; empty of a bad row.
        reason: what is wrong with a bad row, "" of a good one.
        text: the begin of a bad row, as it stands in the file.
    """

    number: int
    values: Mapping[str, Any]
    reason: str = ""
    text: str = ""


def read_rows(path: str | os.PathLike) -> Iterator[Row]:
    """Yields the rows of a file in order.

    Raises:
        FileNotFoundError: there is no file.
        ValueError: it is no Parquet file although it is named so, a TSV file without header, or of
            a kind that is not read, such as a compressed file.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(f"{path}: expected a TSV, JSONL or Parquet file, there is no file")
    kind = kind_of(path)
    refuse_other_kinds(path, kind)
    if kind == PARQUET:
        yield from _parquet_rows(path)
        return
    with open(path, "rb") as file:
        lines = (
            line.removesuffix(b"\n").removesuffix(b"\r").removeprefix(_BYTE_ORDER_MARK * (not i))
            for i, line in enumerate(file)
        )
        if kind == JSONL:
            yield from (_row(number, line, _json_values) for number, line in enumerate(lines, 1))
            return
        columns = _header(path, next(lines, b""))
        for number, line in enumerate(lines, 1):
            yield _row(number, line, lambda line: _fields(line, columns))


def texts_of(row: Row, columns: Sequence[str]) -> list[str]:
    """The texts of a good row.

    Raises:
        ValueError: the row is bad, or a column is missing, no text or empty.
    """
    if row.reason:
        raise ValueError(row.reason)
    texts = []
    for column in columns:
        if column not in row.values:
            raise ValueError(f"expected the column {column}, received {', '.join(row.values)}")
        text = row.values[column]
        if not isinstance(text, str) or not text.strip():
            received = "an empty field" if isinstance(text, str) else repr(text)[:_SHOWN_CHARACTERS]
            raise ValueError(f"expected text in column {column}, received {received}")
        if not _is_unicode(text):
            raise ValueError(
                f"expected text in column {column}, received half of a pair of UTF-16 (a lone "
                "surrogate)"
            )
        texts.append(text)
    return texts


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def shown(row: Row) -> str:
    """The begin of a row, for a list of rejects."""
    text = row.text or json.dumps(dict(row.values), ensure_ascii=False, default=str)
    return text[:_SHOWN_CHARACTERS]


def _row(number: int, line: bytes, values_of) -> Row:
    try:
        return Row(number, values_of(line))
    except (ValueError, RecursionError) as error:  # a hostile line nests a million lists
        text = line.decode("utf-8", "backslashreplace")[:_SHOWN_CHARACTERS]
        return Row(number, {}, reason=_reason(error, line), text=text)


def _reason(error: Exception, line: bytes) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"expected UTF-8, received byte 0x{line[error.start]:02x} at offset {error.start}"
    if isinstance(error, (json.JSONDecodeError, RecursionError)):
        return f"expected one JSON object, received a line that is none: {error}"
    return str(error)


def _json_values(line: bytes) -> Mapping[str, Any]:
    content = json.loads(line.decode("utf-8"))
    if not isinstance(content, dict):
        raise ValueError(f"expected one JSON object, received a {type(content).__name__}")
    return content


def _header(path: str | os.PathLike, line: bytes) -> list[str]:
    columns = line.decode("utf-8", "backslashreplace").split("\t")
    if b"\r" in line:
        raise ValueError(
            f"{path}, line 1: expected lines that end with a line feed, received carriage returns "
            "alone; convert the file"
        )
    if not line or len(set(columns)) < len(columns):
        raise ValueError(
            f"{path}, line 1: expected a header with the names of the columns, tab-separated and "
            f"all different, received {line.decode('utf-8', 'backslashreplace')[:80]!r}"
        )
    return columns


def _fields(line: bytes, columns: Sequence[str]) -> dict[str, str]:
    fields = line.decode("utf-8").split("\t")
    if len(fields) != len(columns):
        raise ValueError(
            f"expected {len(columns)} tab-separated columns ({', '.join(columns)}), received "
            f"{len(fields)}"
        )
    return dict(zip(columns, fields, strict=True))


def _parquet_rows(path: str | os.PathLike) -> Iterator[Row]:
    try:
        with pq.ParquetFile(path) as file:
            numbers = itertools.count(1)
            for batch in file.iter_batches():
                for values in batch.to_pylist():
                    yield Row(next(numbers), values)
    except (pa.ArrowException, OSError) as error:  # damaged data is an OSError without a name
        raise ValueError(
            f"{path}: expected a Parquet file, received one that is not: {error}"
        ) from None
