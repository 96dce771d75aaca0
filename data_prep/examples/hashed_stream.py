"""Where the bytes of a shard go: gzipped or not, hashed and counted on their way."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
from typing import Any, BinaryIO

_GZIP_LEVEL = 1


class HashedStream:
    """Passes bytes on, hashing and counting them.

    Args:
        stream: where they go.
    """

    def __init__(self, stream: BinaryIO):
        self._stream = stream
        self.sha256 = hashlib.sha256()
        self.size = 0

    def write(self, content: bytes) -> int:  # noqa: D102
        self.sha256.update(content)
        self.size += len(content)
        return self._stream.write(content)

    def flush(self) -> None:  # noqa: D102
        self._stream.flush()

    def summary(self) -> dict[str, Any]:
        """Returns `sha256` and `bytes_out` of what was passed on."""
        return {"sha256": self.sha256.hexdigest(), "bytes_out": self.size}


def compressed(stream: Any, compression: str) -> contextlib.AbstractContextManager[Any]:
    """Opens a stream that gzips what is written to it, or not, as `compression` says.

    Args:
        stream: where the bytes go; it stays open.
        compression: "none" or "gzip".
    """
    if compression == "none":
        return contextlib.nullcontext(stream)
    # Without name and time, so that equal records are equal bytes.
    return gzip.GzipFile("", "wb", _GZIP_LEVEL, stream, mtime=0)
