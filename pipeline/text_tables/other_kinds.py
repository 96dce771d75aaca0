"""Files that are no table of ours, refused by what they are instead of read as one long header."""

from __future__ import annotations

import os

from pipeline.text_tables.kinds import PARQUET

_UNPACK = "a compressed file; unpack it first"
_UTF_16 = "UTF-16; convert it to UTF-8"
_BEGINS = {
    b"\x1f\x8b": _UNPACK,  # gzip
    b"BZh": _UNPACK,
    b"\xfd7zXZ\x00": _UNPACK,
    b"\x28\xb5\x2f\xfd": _UNPACK,  # zstd
    b"PK\x03\x04": "a ZIP or a spreadsheet; export it as TSV",
    b"\xff\xfe": _UTF_16,
    b"\xfe\xff": _UTF_16,
}


def refuse_other_kinds(path: str | os.PathLike, kind: str) -> None:
    """Raises ValueError if a file is of a kind that is not read.

    Args:
        path: of the file.
        kind: what its name and its begin were taken for.
    """
    if received := _other_kind(path, kind):
        raise ValueError(f"{path}: expected TSV, JSON Lines or Parquet, received {received}")


def _other_kind(path: str | os.PathLike, kind: str) -> str:
    if os.path.splitext(path)[1].lower() == ".csv":
        return "a name that ends with .csv; separate the columns with tabs, without quotes: .tsv"
    if kind == PARQUET:
        return ""
    with open(path, "rb") as file:
        begin = file.read(64)
    found = [words for magic, words in _BEGINS.items() if begin.startswith(magic)]
    if found:
        return found[0]
    text = begin.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"[") and text[1:].lstrip()[:1] in (b"{", b""):
        return "one JSON array; write one object a line"
    return ""
