"""A folder that is written under another name and renamed at the end: whole, or not there.

What a killed call left under the other name is removed by the next one.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import uuid
from collections.abc import Iterator

from data_prep import storage
from pipeline.left_behind import hold, remove_left_behind


@contextlib.contextmanager
def whole_folder(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """Gives an empty folder next to `path`, which takes its name when the block ends well.

    Raises:
      ValueError: `path` exists and is not empty.
    """
    refuse_if_used(path)
    # The folder itself: "." has no name, and a link cannot be replaced by a folder.
    target = pathlib.Path(path).resolve()
    temporary = target.parent / f"{target.name}.tmp-{uuid.uuid4().hex}"
    remove_left_behind(target)
    try:
        temporary.mkdir(parents=True)
        descriptor = os.open(temporary, os.O_RDONLY)
    except OSError as error:
        raise OSError(
            f"--output: expected a folder that can be made, {path}, received {error.strerror} at "
            f"{target.parent}. Name another folder."
        ) from error
    try:
        hold(descriptor)
        yield temporary
        if target.is_dir():
            target.rmdir()
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            storage.remove_folder(os.fspath(temporary))
        raise
    finally:
        os.close(descriptor)


def refuse_if_used(path: str | os.PathLike) -> None:
    """Raises ValueError if there is something at `path` other than an empty folder."""
    target = pathlib.Path(path)
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise ValueError(
            f"--output: expected a new or empty folder, received {target}, which is neither. Name "
            "another folder, or remove it."
        )
