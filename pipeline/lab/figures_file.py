"""The JSON file of a measurement: checked for its folder first, written whole at the end."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
from collections.abc import Mapping, Sequence
from typing import Any

from data_prep import storage


def check_folders(paths: Mapping[str, str | None]) -> None:
    """Refuses files whose folder is missing, before hours of measuring rather than after.

    Args:
        paths: path of a file to write, or None, by the name of its flag.

    Raises:
        FileNotFoundError: the folder of one does not exist.
    """
    for flag, path in paths.items():
        folder = os.path.dirname(path or "") or "."
        if not os.path.isdir(folder):
            raise FileNotFoundError(f"--{flag}: expected a folder {folder}, but there is none.")


def save(path: str, content: dict[str, Any], *, versions_of: Sequence[str] = ()) -> None:
    """Writes the figures whole, with the versions of the packages that they were measured with.

    Args:
        path: the file.
        content: what JSON can hold; infinity and NaN become null.
        versions_of: installed packages to name under "versions", in addition to Python.
    """
    versions = {name: importlib.metadata.version(name) for name in versions_of}
    versions["python"] = platform.python_version()
    finite = json.loads(json.dumps(content), parse_constant=lambda name: None)
    text = json.dumps(finite | {"versions": versions}, indent=1) + "\n"
    storage.write_whole(path, text.encode())
