"""Columns -> a TSV, JSON Lines or Parquet file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.text_tables.kinds import JSONL, PARQUET


def write_table(stream: BinaryIO, kind: str, columns: Mapping[str, Sequence[Any]]) -> None:
    """Writes columns of equal length.

    Args:
        stream: an open file.
        kind: "tsv", "jsonl" or "parquet".
        columns: by name, of strings, integers or floats; a float of a TSV file has six digits.
    """
    if kind == PARQUET:
        pq.write_table(pa.table({name: list(values) for name, values in columns.items()}), stream)
        return
    if kind != JSONL:
        stream.write(("\t".join(columns) + "\n").encode())
    for row in zip(*columns.values(), strict=True):
        if kind == JSONL:
            line = json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False)
        else:
            line = "\t".join(_field(value) for value in row)
        stream.write((line + "\n").encode())


def _field(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
