"""Which kind of table a file is, by its ending, otherwise by its first bytes."""

from __future__ import annotations

import os

TSV, JSONL, PARQUET = "tsv", "jsonl", "parquet"
_ENDINGS = {".tsv": TSV, ".jsonl": JSONL, ".ndjson": JSONL, ".parquet": PARQUET}


def kind_to_write(path: str | os.PathLike, *, source: str | os.PathLike) -> str:
    """Returns the kind that the ending of `--output` names, once the file can be written.

    Args:
        path: of the file to write.
        source: the file that is read, which must be another.

    Raises:
        ValueError: the ending is unknown, or it is the file that is read.
        OSError: it is a folder, or its own folder is not there or cannot be written.
    """
    if os.path.splitext(path)[1].lower() not in _ENDINGS:
        raise ValueError(
            f"--output {path}: expected a name that ends with {', '.join(_ENDINGS)}, received "
            "another ending"
        )
    if os.path.exists(path) and os.path.exists(source) and os.path.samefile(path, source):
        raise ValueError(
            f"--output {path}: expected another file than --input, received the same; it would be "
            "lost"
        )
    folder = os.path.dirname(os.path.abspath(path))
    if os.path.isdir(path) or not os.path.isdir(folder) or not os.access(folder, os.W_OK):
        raise OSError(
            f"--output {path}: expected a file in a folder that is there and can be written, "
            f"received {'a folder' if os.path.isdir(path) else f'a file in {folder}'}"
        )
    return kind_of(path)


def kind_of(path: str | os.PathLike) -> str:
    """Returns "tsv", "jsonl" or "parquet".

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
            f"{path}: expected a file, or a name that ends with "
            f"{', '.join(_ENDINGS)}; there is no such file"
        ) from None
    if begin.startswith(b"PAR1"):
        return PARQUET
    return JSONL if begin.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{") else TSV
