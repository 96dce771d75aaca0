"""A piece of the corpus that one worker reads: a range of bytes of one file."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class FileRange:
    """The lines, documents or rows that begin in bytes `[start, stop)` of one file.

    Attributes:
        path: the file.
        layout: where documents begin; one of `documents.LAYOUTS`.
        start: first byte of the range, in bytes of the file as it is stored.
        stop: first byte after the range; None means the end of the file.
        text_field: JSON field or Parquet column that holds the text.
    """

    path: str
    layout: str
    start: int = 0
    stop: int | None = None
    text_field: str = "text"
