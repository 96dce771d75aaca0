"""Columns -> a TSV, JSON Lines or Parquet file, whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from data_prep import storage
from pipeline.text_tables.kinds import JSONL, PARQUET


def write_table(path: str | os.PathLike, kind: str, columns: Mapping[str, Sequence[Any]]) -> None:
    """Writes columns of equal length under a temporary name, and renames it.

    Args:
        path: of the file.
        kind: "tsv", "jsonl" or "parquet".
        columns: by name, of strings, integers or floats; a float of a TSV file has six digits.
    """
    with storage.open_whole(path) as stream:
        if kind == PARQUET:
            pq.write_table(
                pa.table({name: list(values) for name, values in columns.items()}), stream
            )
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
