"""Rows that were left out -> a JSON Lines file next to the result."""

from __future__ import annotations

import json
from collections.abc import Sequence

from data_prep import storage
from pipeline.text_tables.reader import Row, shown


def reject_file(output: str) -> str:
    """The path of the rejects that belong to an output file."""
    return f"{output}.rejects.jsonl"


def left_out(output: str, rejects: Sequence) -> str:
    """The end of a last line: how many rows were left out and where they are; "" of none."""
    if not rejects:
        return ""
    return f"; {len(rejects):,} bad row{'s' if len(rejects) > 1 else ''} in {reject_file(output)}"


def write_rejects(output: str, rejects: Sequence[tuple[Row, str]]) -> None:
    """Saves rows with the reason why each was left out; of none, an old file is removed."""
    path = reject_file(output)
    if not rejects:
        storage.remove(path, missing_ok=True)
        return
    lines = [
        json.dumps({"row": row.number, "reason": reason, "text": shown(row)}, ensure_ascii=False)
        for row, reason in rejects
    ]
    storage.write_whole(path, ("\n".join(lines) + "\n").encode("utf-8", "backslashreplace"))
