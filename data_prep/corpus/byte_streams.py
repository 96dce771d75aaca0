"""Files to pieces of decompressed bytes, whatever their name says and however they end.

The format is told by the first bytes, never by the suffix. Decompressor objects are fed piece by
piece, so everything before a damaged or missing end is kept; Python's file objects (and Beam's)
throw it away or hide the damage.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from data_prep import storage

_READ_BYTES = 1 << 18
_ZSTD_BYTES = 1 << 10  # four bytes may hold 128 KiB, so these may hold 32 MiB
_BZIP2_MARKS = (b"1AY&SY", b"\x17rE8P\x90")
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")

TRUNCATED = "stream:truncated"
CORRUPT = "stream:corrupt"
UTF16 = "encoding:utf-16"


class ByteStream:
    """The decompressed bytes of one file, or of one range of a plain file.

    Iterate once for the pieces. Afterwards `error` says how the stream ended.

    Attributes:
        compressed: the format found: "gzip", "bzip2", "xz", "zstd" or None.
        error: None, `TRUNCATED` or `CORRUPT`.
        consumed: bytes of the file (not decompressed) read so far.
    """

    def __init__(self, path: str, *, start: int = 0):
        self.path = path
        self.error: str | None = None
        self.consumed = start
        self._start = start
        self.compressed = sniff(path)

    def __iter__(self) -> Iterator[bytes]:
        with storage.open_read(self.path) as stream:
            if self._start:
                stream.seek(self._start)
            if self.compressed is None:
                yield from self._raw(stream)
            else:
                yield from self._decompressed(stream, _FORMATS[self.compressed][1])

    def is_utf16(self) -> bool:
        """Says whether the decompressed file begins with a UTF-16 byte-order mark."""
        begin = next(iter(ByteStream(self.path)), b"")
        return begin.startswith(_UTF16_MARKS)

    def _raw(self, stream: BinaryIO) -> Iterator[bytes]:
        while piece := stream.read(_READ_BYTES):
            self.consumed += len(piece)
            yield piece

    def _decompressed(self, stream: BinaryIO, make: Callable[[], _Member]) -> Iterator[bytes]:
        member: _Member | None = None
        for piece in self._raw(stream):
            while piece:
                if member is None:
                    piece = piece.lstrip(b"\0")  # xz and tapes pad between streams
                    if not piece:
                        break
                    member = make()
                try:
                    yield from member.feed(piece)
                except Exception as error:
                    if not _is_stream_error(error):
                        raise
                    self.error = CORRUPT
                    return
                piece = member.rest
                if member.ended:
                    member = None
        if member is not None:
            self.error = TRUNCATED


def sniff(path: str) -> str | None:
    """Returns gzip, bzip2, xz, zstd or None, by the first bytes of a file."""
    with storage.open_read(path) as stream:
        begin = stream.read(10)
    for name, (magic, _) in _FORMATS.items():
        if begin.startswith(magic):
            # Prose may begin with "BZh"; a bzip2 file goes on with a level and one of two marks.
            return name if name != "bzip2" or begin[4:] in _BZIP2_MARKS else None
    return None


class _Member:
    """One compressed stream of a file; files may hold several, one after the other."""

    def __init__(self, decoder: Any):
        self._decoder = decoder
        self.rest = b""

    @property
    def ended(self) -> bool:
        return self._decoder.eof

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Yields what `piece` holds; `rest` is then what belongs to the next member."""
        decoder = self._decoder
        while True:
            # Bounded output: a small file may hold gigabytes of one letter.
            data = decoder.decompress(piece, _READ_BYTES)
            if data:
                yield data
            if decoder.eof:
                self.rest = decoder.unused_data
                return
            piece = getattr(decoder, "unconsumed_tail", b"")
            if not data and not piece:
                self.rest = b""
                return


class _ZstdMember(_Member):
    """Its decoder takes no limit of output, so it is given little input at a time."""

    def feed(self, piece: bytes) -> Iterator[bytes]:
        kept: list[bytes] = []
        for begin in range(0, len(piece), _ZSTD_BYTES):
            end = begin + _ZSTD_BYTES
            try:
                kept.append(self._decoder.decompress(piece[begin:end]))
            except Exception:
                yield b"".join(kept)  # what came before the damage
                raise
            if self.ended:
                yield b"".join(kept)
                self.rest = self._decoder.unused_data + piece[end:]
                return
            if sum(map(len, kept)) >= _READ_BYTES:
                yield b"".join(kept)
                kept.clear()
        yield b"".join(kept)
        self.rest = b""


def _zstd_member() -> _Member:
    import zstandard

    return _ZstdMember(zstandard.ZstdDecompressor().decompressobj())


_FORMATS: dict[str, tuple[bytes, Callable[[], _Member]]] = {
    "gzip": (b"\x1f\x8b", lambda: _Member(zlib.decompressobj(wbits=31))),
    "bzip2": (b"BZh", lambda: _Member(bz2.BZ2Decompressor())),
    "xz": (b"\xfd7zXZ\0", lambda: _Member(lzma.LZMADecompressor())),
    "zstd": (b"\x28\xb5\x2f\xfd", _zstd_member),
}


def _is_stream_error(error: Exception) -> bool:
    """Says whether a decompressor raised this over bad bytes."""
    known = (zlib.error, OSError, EOFError, lzma.LZMAError, ValueError)
    return isinstance(error, known) or type(error).__name__ == "ZstdError"
