"""Files to pieces of decompressed bytes, regardless of file names and of damage.

Decompressor objects are fed step by step, so everything before a damaged or missing end is kept;
Python's file objects (and Beam's) throw it away or hide the damage.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from data_prep import storage
from data_prep.corpus.formats import decompressors

BEGIN_BYTES = 1 << 16
_READ_BYTES = 1 << 18

TRUNCATED = "stream:truncated"
CORRUPT = "stream:corrupt"
TOO_LARGE_WINDOW = "stream:too_large_window"


class ByteStream:
    """The decompressed bytes of one file, or of one range of a plain file.

    Iterate once for the pieces. Afterwards `error` says how the stream ended.

    Args:
        path: of the file.
        start: first byte to read, in bytes of the file as it is stored; 0 if it is compressed.

    Attributes:
        compressed: the format: "gzip", "bzip2", "xz", "lzma", "zstd" or None.
        error: None, `TRUNCATED`, `CORRUPT` or `TOO_LARGE_WINDOW`.
        consumed: bytes of the file (not decompressed) read so far.
        lost: bytes of the file (not decompressed) that gave no text because of `error`; 0 without
            one. Of a truncated stream at least one, because what is missing cannot be counted.
    """

    def __init__(self, path: str, *, start: int = 0):
        self.path = path
        self.error: str | None = None
        self.consumed = start
        self.lost = 0
        self._start = start
        with storage.open_read(path) as stream:
            self._begin = stream.read(BEGIN_BYTES)
        self.compressed = decompressors.compression_of(self._begin)

    def __iter__(self) -> Iterator[bytes]:
        with storage.open_read(self.path) as stream:
            if self._start:
                stream.seek(self._start)
            if self.compressed is None:
                yield from self._raw(stream)
            else:
                yield from _joined(self._decompressed(stream, self.compressed))

    def beginning(self) -> bytes:
        """Returns the first 64 KiB of the decompressed file; fewer if it is shorter or broken."""
        if self.compressed is None:
            return self._begin
        begin = b""
        for piece in ByteStream(self.path):
            begin += piece
            if len(begin) >= BEGIN_BYTES:
                break
        return begin[:BEGIN_BYTES]

    def _raw(self, stream: BinaryIO) -> Iterator[bytes]:
        while piece := stream.read(_READ_BYTES):
            self.consumed += len(piece)
            yield piece

    def _decompressed(self, stream: BinaryIO, compression: str) -> Iterator[bytes]:
        member: decompressors.Member | None = None
        gave_text = 0  # offset in the file up to which everything became text
        for piece in self._raw(stream):
            offset = self.consumed - len(piece)
            index = 0
            while index < len(piece):
                if member is None:
                    if not piece[index]:  # xz and tapes pad between streams
                        index = len(piece) - len(piece[index:].lstrip(b"\0"))
                    gave_text = offset + index
                    if index == len(piece):
                        break
                    member = decompressors.new_member(compression)
                step = piece[index : index + member.step_bytes]
                has_text = False
                try:
                    for data in member.decompress(step):
                        has_text = has_text or bool(data)
                        yield data
                except Exception as error:
                    self._break_off(error, offset + index)
                    return
                index += len(step) - len(member.unused)
                if has_text or member.ended:
                    gave_text = offset + index
                if member.ended:
                    member = None
        if member is not None:
            self.error = TRUNCATED
            self.lost = max(1, self.consumed - gave_text)

    def _break_off(self, error: Exception, offset: int) -> None:
        """Records damage at `offset` of the file: nothing behind it can be read."""
        if isinstance(error, decompressors.TooLargeWindowError):
            self.error = TOO_LARGE_WINDOW
        elif decompressors.is_stream_error(error):
            self.error = CORRUPT
        else:
            raise error
        self.lost = max(1, storage.size(self.path) - offset)


def _joined(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Joins small pieces: what reads them pays by the piece."""
    kept: list[bytes] = []
    size = 0
    for piece in pieces:
        if kept and size + len(piece) > _READ_BYTES:
            yield b"".join(kept)
            kept.clear()
            size = 0
        kept.append(piece)
        size += len(piece)
    if size:
        yield b"".join(kept)


def sniff(path: str) -> str | None:
    """Returns the compression format of a file by its first bytes, or None."""
    with storage.open_read(path) as stream:
        return decompressors.compression_of(stream.read(decompressors.BEGIN_BYTES))
