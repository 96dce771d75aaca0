"""A table of answers and the rows that were left out of it: together, or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from data_prep import storage
from pipeline.left_behind import hold, remove_left_behind
from pipeline.text_tables.reader import Row
from pipeline.text_tables.reject_file import reject_file, write_rejects
from pipeline.text_tables.writer import write_table


def write_result(
    output: str | os.PathLike,
    kind: str,
    columns: Mapping[str, Sequence[Any]],
    rejects: Sequence[tuple[Row, str]],
) -> None:
    """Writes answers to `output` and bad rows to `output`.rejects.jsonl.

    The table is renamed last, and one of an earlier call is removed before the rejects change: a
    call that is killed at any moment leaves no table next to the rejects of another call.

    Args:
        output: path of the file.
        kind: "tsv", "jsonl" or "parquet".
        columns: see `write_table`.
        rejects: bad rows, each with the reason.
    """
    output = os.fspath(output)
    for path in (output, reject_file(output)):
        remove_left_behind(path)
    with storage.open_whole(output) as stream:
        hold(stream.fileno())
        write_table(stream, kind, columns)
        storage.remove(output, missing_ok=True)
        write_rejects(output, rejects)
