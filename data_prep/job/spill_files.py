"""Token blocks on disk while a local engine brings them together: only their places are shuffled.

Beam's local engine holds what it shuffles in memory, three to four times over. On disk, a block is
held by nobody until its shard is written. Engines on clusters have a shuffle that is made for this:
there the blocks travel themselves.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import struct
import uuid
from collections.abc import Callable, Iterator

_PLACE = struct.Struct("<QQ")


@dataclasses.dataclass(frozen=True)
class SpillFiles:
    """Where blocks wait.

    Attributes:
        folder: on a disk that all workers see; None where blocks travel themselves.
    """

    folder: str | None

    @contextlib.contextmanager
    def writer(self, name: str) -> Iterator[Callable[[bytes], bytes]]:
        """Gives a function from a block to what is to be shuffled for it.

        What it returned can be read when the context is left.

        Args:
            name: of the unit of work; done again, it gets a file of its own.
        """
        if self.folder is None:
            yield lambda block: block
            return
        file = f"{name}-{os.getpid()}-{uuid.uuid4().hex}"
        with open(os.path.join(self.folder, file), "xb") as stream:

            def put(block: bytes) -> bytes:
                place = _PLACE.pack(stream.tell(), len(block)) + file.encode()
                stream.write(block)
                return place

            yield put

    def read(self, shuffled: bytes) -> bytes:
        """Returns the block of what `writer` gave for it."""
        if self.folder is None:
            return shuffled
        begin, size = _PLACE.unpack_from(shuffled)
        with open(os.path.join(self.folder, shuffled[_PLACE.size :].decode()), "rb") as stream:
            stream.seek(begin)
            return stream.read(size)
