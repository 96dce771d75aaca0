"""Files by path or URL: the few operations that data preparation needs.

Plain paths go to the operating system. Anything with a scheme (`gs://`, `s3://`, `hdfs://`) goes to
tf.io.gfile, which is imported only then. Beam's own file systems are not used, so that a trainer
can read a manifest without Beam.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from typing import Any, BinaryIO

_HASH_CHUNK = 1 << 20


def is_remote(path: str) -> bool:
    """Says whether the path has a URL scheme."""
    return "://" in path


def printable(path: str) -> str:
    """Returns a path as text that can be printed: bytes that are not UTF-8 become escapes."""
    return path.encode("utf-8", "backslashreplace").decode()


def exists(path: str) -> bool:
    """Says whether a file or folder of this name exists."""
    return _gfile().exists(path) if is_remote(path) else os.path.exists(path)


def list_files(pattern: str) -> list[str]:
    """Returns the files (not folders) that the glob pattern matches, sorted."""
    if is_remote(pattern):
        gfile = _gfile()
        return sorted(path for path in gfile.glob(pattern) if not gfile.isdir(path))
    return sorted(path for path in glob.glob(pattern, recursive=True) if os.path.isfile(path))


def list_folder(directory: str) -> list[str]:
    """Returns the names in the folder, sorted; none if there is no such folder."""
    if not exists(directory):
        return []
    names = _gfile().listdir(directory) if is_remote(directory) else os.listdir(directory)
    return sorted(name.rstrip("/") for name in names)


def is_folder(path: str) -> bool:
    """Says whether there is a folder of this name, or a link to one."""
    return _gfile().isdir(path) if is_remote(path) else os.path.isdir(path)


def walk(directory: str) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yields (folder, names of its folders, names of its files) for a folder and all below it.

    Links to folders are named and not followed. Folders that are taken out of the list are not
    looked into.

    Raises:
        OSError: a folder cannot be read; `os.walk` would leave it out in silence.
    """
    if is_remote(directory):
        yield from _gfile().walk(directory, onerror=_reraise)
    else:
        yield from os.walk(directory, onerror=_reraise)


def _reraise(error: Exception) -> None:
    raise error


def size(path: str) -> int:
    """Returns the size of a file in bytes."""
    return _gfile().stat(path).length if is_remote(path) else os.path.getsize(path)


def open_read(path: str) -> BinaryIO:
    """Opens a file for reading bytes; it can seek."""
    return _gfile().GFile(path, "rb") if is_remote(path) else open(path, "rb")


@contextlib.contextmanager
def open_whole(path: str | os.PathLike) -> Iterator[BinaryIO]:
    """Opens a file for writing bytes under a temporary name and renames it at the end.

    So it exists whole or not at all, and one that is replaced stays whole until then.

    Args:
        path: of the file; its folder exists.
    """
    path = os.fspath(path)
    temporary = f"{path}.tmp-{uuid.uuid4().hex}"
    try:
        with _open_write(temporary) as stream:
            yield stream
        if is_remote(path):
            _gfile().rename(temporary, path, overwrite=True)
        else:
            os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            remove(temporary)
        raise


def _open_write(path: str) -> BinaryIO:
    return _gfile().GFile(path, "wb") if is_remote(path) else open(path, "wb")


def write_whole(path: str | os.PathLike, content: bytes) -> None:
    """Writes a file so that it exists whole or not at all, see `open_whole`."""
    with open_whole(path) as stream:
        stream.write(content)


def read_whole(path: str) -> bytes:
    """Returns the bytes of a file."""
    with open_read(path) as stream:
        return stream.read()


def make_folder(directory: str) -> None:
    """Makes the folder and those above it."""
    if is_remote(directory):
        _gfile().makedirs(directory)
    else:
        os.makedirs(directory, exist_ok=True)


def remove(path: str, *, missing_ok: bool = False) -> None:
    """Removes one file."""
    if missing_ok and not exists(path):
        return
    if is_remote(path):
        _gfile().remove(path)
    else:
        os.remove(path)


def remove_folder(directory: str) -> None:
    """Removes a folder with all that is in it; nothing happens if there is none."""
    if not exists(directory):
        return
    if is_remote(directory):
        _gfile().rmtree(directory)
    else:
        shutil.rmtree(directory)


def sha256(path: str) -> str:
    """Returns the hexadecimal SHA-256 of a file."""
    digest = hashlib.sha256()
    with open_read(path) as stream:
        while chunk := stream.read(_HASH_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _gfile() -> Any:
    import tensorflow as tf

    return tf.io.gfile
