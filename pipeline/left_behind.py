"""What a killed command left next to its output: temporary files and folders.

An output is written as NAME.tmp-<32 hexadecimal digits> and renamed at the end. A signal that no
program sees, SIGKILL, leaves that name behind; the next call with the same output removes it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import re

from data_prep import storage

_ENDING = re.compile(r"\.tmp-[0-9a-f]{32}")


def hold(descriptor: int) -> None:
    """Marks a temporary file or folder as being written, for as long as it is open.

    Args:
      descriptor: of the open file or folder.
    """
    with contextlib.suppress(OSError):  # a file system without locks
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def remove_left_behind(output: str | os.PathLike) -> None:
    """Removes the temporary files and folders of this output that no process holds."""
    output = pathlib.Path(output).resolve()
    if not output.parent.is_dir():
        return
    for path in sorted(output.parent.iterdir()):
        is_ours = path.name.startswith(output.name) and not path.is_symlink()
        if is_ours and _ENDING.fullmatch(path.name.removeprefix(output.name)):
            with contextlib.suppress(OSError):  # held, or not ours to remove: it stays
                _remove(path)


def _remove(path: pathlib.Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        (storage.remove_folder if path.is_dir() else storage.remove)(os.fspath(path))
    finally:
        os.close(descriptor)
