"""Token blocks on disk while a local engine shuffles: only their positions there are shuffled.

Beam's local engine holds what it shuffles in memory, three to four times over. On disk, a block
takes no memory until its shard is written. Engines on clusters have a shuffle made for large data;
there the blocks themselves are shuffled.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import struct
import uuid
from collections.abc import Callable, Iterator

_POSITION = struct.Struct("<QQ")


@dataclasses.dataclass(frozen=True)
class SpillFiles:
    """Where blocks wait.

    Attributes:
        folder: on a disk that all workers see; None where the blocks themselves are shuffled.
    """

    folder: str | None

    @contextlib.contextmanager
    def writer(self, name: str) -> Iterator[Callable[[bytes], bytes]]:
        """Gives a function from a block to what is to be shuffled in its stead.

        A block can be read once the context is left.

        Args:
            name: of the unit of work; when it is done again, it gets another file.
        """
        if self.folder is None:
            yield lambda block: block
            return
        file = f"{name}-{os.getpid()}-{uuid.uuid4().hex}"
        with open(os.path.join(self.folder, file), "xb") as stream:

            def put(block: bytes) -> bytes:
                position = _POSITION.pack(stream.tell(), len(block)) + file.encode()
                stream.write(block)
                return position

            yield put

    def read(self, shuffled: bytes) -> bytes:
        """Returns the block that `writer` gave this for."""
        if self.folder is None:
            return shuffled
        begin, size = _POSITION.unpack_from(shuffled)
        with open(os.path.join(self.folder, shuffled[_POSITION.size :].decode()), "rb") as stream:
            stream.seek(begin)
            return stream.read(size)
