"""First bytes of a file to its compression format, and compressed bytes to decompressed ones.

The format follows from the first bytes, never from the file name. Every format is a sequence of
members: streams (gzip, bzip2, xz, lzma) or frames (zstd), skippable frames among them.

A decoder holds a window of the text it made. Windows are read up to `MAX_WINDOW_BYTES`, which is
what `zstd --long=31` writes; a decoder takes no more memory than the window it was asked for and
than the text it made so far.

Source: RFC 1952 (gzip), RFC 8878 sections 3.1.1 and 3.1.2 (zstd, skippable frames), the .xz file
format 1.2.1 and the .lzma file format of XZ Utils.
"""

from __future__ import annotations

import bz2
import lzma
import re
import zlib
from collections.abc import Iterator
from typing import Any

BEGIN_BYTES = 16
MAX_WINDOW_BYTES = 1 << 31

_MAX_OUTPUT_BYTES = 1 << 18
_LZMA_MEMORY_BYTES = MAX_WINDOW_BYTES + (64 << 20)  # the decoder's tables stand next to the window
# Prose may begin with "BZh"; a bzip2 file goes on with a level and one of two marks.
_BZIP2 = re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)")
_BZIP2_CUT = re.compile(rb"BZh[1-9](?:1(?:A(?:Y(?:&S?)?)?)?|\x17(?:r(?:E(?:8P?)?)?)?)\Z")
_ZSTD = re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18", re.DOTALL)
_LZMA_PROPERTIES = 9 * 5 * 5
_LZMA_MOST_BYTES = 1 << 38


class TooLargeWindowError(Exception):
    """A stream asks for a window of more than `MAX_WINDOW_BYTES`."""


def compression_of(begin: bytes) -> str | None:
    """Returns "gzip", "bzip2", "xz", "lzma", "zstd" or None.

    Args:
        begin: the first `BEGIN_BYTES` of a file, fewer if it is shorter.
    """
    if begin.startswith(b"\x1f\x8b"):
        return "gzip"
    if _BZIP2.match(begin) or _BZIP2_CUT.match(begin):
        return "bzip2"
    if begin.startswith(b"\xfd7zXZ\0"):
        return "xz"
    if _ZSTD.match(begin):
        return "zstd"
    return "lzma" if _is_lzma(begin) else None


def _is_lzma(begin: bytes) -> bool:
    """Checks the header without a magic number as strictly as XZ Utils does.

    Properties, size of the window (a power of two, or the sum of two neighbouring ones), size of
    the text or -1, and the zero with which its range coder begins.
    """
    if len(begin) < 14 or begin[0] >= _LZMA_PROPERTIES or begin[13]:
        return False
    window = int.from_bytes(begin[1:5], "little")
    size = int.from_bytes(begin[5:13], "little")
    top = 1 << max(0, window.bit_length() - 1)
    is_usual = window in (top, top | top >> 1, 0xFFFFFFFF) and window >= 1 << 12
    return is_usual and (size < _LZMA_MOST_BYTES or size == (1 << 64) - 1)


class Member:
    """One compressed stream or frame of a file; a file may hold several in a row.

    Attributes:
        step_bytes: most bytes to give to `decompress` at once.
        ended: the member is complete.
        unused: bytes of the last step that belong to the next member.
    """

    step_bytes = 1 << 14

    def __init__(self, decoder: Any):
        self._decoder = decoder

    @property
    def ended(self) -> bool:
        """Says whether the last byte of the member was read."""
        return self._decoder.eof

    @property
    def unused(self) -> bytes:
        """Bytes that were given beyond the end of the member."""
        return self._decoder.unused_data

    def decompress(self, step: bytes) -> Iterator[bytes]:
        """Yields what `step` holds, in bounded pieces: a small file may hold gigabytes.

        Raises:
            TooLargeWindowError: the window is larger than this project reads.
            Exception: `is_stream_error` says whether damaged bytes are the cause.
        """
        while True:
            try:
                data = self._decoder.decompress(step, _MAX_OUTPUT_BYTES)
            except lzma.LZMAError as error:
                if "Memory usage limit" in str(error):
                    raise TooLargeWindowError from error
                raise
            if data:
                yield data
            step = getattr(self._decoder, "unconsumed_tail", b"")
            if self.ended or not (data or step):
                return


class _ZstdMember(Member):
    """Its decoder takes no limit of output, so it is given little input at a time."""

    step_bytes = 1 << 10  # four bytes may hold 128 KiB, so these may hold 32 MiB

    def decompress(self, step: bytes) -> Iterator[bytes]:
        try:
            yield self._decoder.decompress(step)
        except Exception as error:
            if "requires too much memory" in str(error):
                raise TooLargeWindowError from error
            raise


def new_member(compression: str) -> Member:
    """Returns a decoder for one member of a format that `compression_of` names."""
    if compression == "gzip":
        return Member(zlib.decompressobj(wbits=31))
    if compression == "bzip2":
        return Member(bz2.BZ2Decompressor())
    if compression == "zstd":
        import zstandard

        decoder = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES)
        return _ZstdMember(decoder.decompressobj())
    kind = lzma.FORMAT_XZ if compression == "xz" else lzma.FORMAT_ALONE
    return Member(lzma.LZMADecompressor(kind, memlimit=_LZMA_MEMORY_BYTES))


def is_stream_error(error: Exception) -> bool:
    """Says whether a decompressor raised this over bad bytes."""
    known = (zlib.error, OSError, EOFError, lzma.LZMAError, ValueError)
    return isinstance(error, known) or type(error).__name__ == "ZstdError"
