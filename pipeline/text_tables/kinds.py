"""Which kind of table a file is, by its ending, otherwise by its first bytes."""

from __future__ import annotations

import os

TSV, JSONL, PARQUET = "tsv", "jsonl", "parquet"
_ENDINGS = {".tsv": TSV, ".jsonl": JSONL, ".ndjson": JSONL, ".parquet": PARQUET}


def kind_of(path: str | os.PathLike, flag: str = "") -> str:
    """Returns "tsv", "jsonl" or "parquet".

    Args:
        path: of a file; one that is still to be written needs a known ending.
        flag: that named it, for the message.

    Raises:
        FileNotFoundError: the ending is unknown and there is no file.
    """
    ending = os.path.splitext(path)[1].lower()
    if ending in _ENDINGS:
        return _ENDINGS[ending]
    try:
        with open(path, "rb") as file:
            begin = file.read(64)
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{flag or 'table'} {path}: expected a file, or a name that ends with "
            f"{', '.join(_ENDINGS)}; there is no such file"
        ) from None
    if begin.startswith(b"PAR1"):
        return PARQUET
    return JSONL if begin.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{") else TSV
