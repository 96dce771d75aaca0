"""The JSON file of a suite's figures: asked for before anything is measured, written whole."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
from collections.abc import Sequence
from typing import Any


def check_folders(args: argparse.Namespace, flags: Sequence[str]) -> None:
    """Refuses files whose folder is missing, before hours of measuring rather than after.

    Args:
        args: the parsed command line.
        flags: names of the flags that hold the path of a file to write, or None.

    Raises:
        FileNotFoundError: the folder of one is not there.
    """
    for name in flags:
        folder = os.path.dirname(getattr(args, name) or "") or "."
        if not os.path.isdir(folder):
            raise FileNotFoundError(f"--{name}: expected a folder {folder}, but there is none.")


def save(path: str, content: dict[str, Any], *, versions_of: Sequence[str] = ()) -> None:
    """Writes the figures under a temporary name first, with the versions they were taken with.

    Args:
        path: the file.
        content: what JSON can hold; infinity and NaN become null.
        versions_of: names of installed packages to put under "versions", beside Python.
    """
    versions = {name: importlib.metadata.version(name) for name in versions_of}
    versions["python"] = platform.python_version()
    finite = json.loads(json.dumps(content), parse_constant=lambda name: None)
    with open(f"{path}.tmp", "w", encoding="utf-8") as file:
        json.dump(finite | {"versions": versions}, file, indent=1)
        file.write("\n")
    os.replace(f"{path}.tmp", path)
