"""JSON objects in files: read with the file's name in every error, written whole."""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Mapping

from data_prep import storage

_MOST_BYTES = 64 << 20  # a configuration has thousands, a tokenizer.json millions


def read_json(path: str | os.PathLike) -> dict:
    """Returns the object of a file.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it is no JSON object, or larger than any configuration is.
    """
    path = pathlib.Path(path)
    if (size := path.stat().st_size) > _MOST_BYTES:
        raise ValueError(f"{path}: expected at most {_MOST_BYTES:,} bytes, received {size:,}")
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:  # a hostile file nests a million lists
        raise ValueError(f"{path}: expected JSON, received {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected a JSON object, received {type(content).__name__}")
    return content


def write_json(path: str | os.PathLike, content: Mapping) -> None:
    """Writes an object, indented, whole or not at all."""
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    storage.write_whole(path, text.encode("utf-8"))
