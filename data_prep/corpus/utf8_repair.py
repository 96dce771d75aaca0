"""A stream of bytes to the same stream in UTF-8, with U+FFFD for what was not, and offsets back."""

from __future__ import annotations

import codecs
import collections
import re

_REPLACEMENT = "\ufffd".encode()
_VALID = re.compile(
    rb"(?:[\x00-\x7f]|[\xc2-\xdf][\x80-\xbf]"
    rb"|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]"
    rb"|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})+"
)


class Utf8Repair:
    """Repairs pieces of a stream, one after the other.

    Attributes:
        count: runs of invalid bytes that were replaced.
    """

    def __init__(self):
        self.count = 0
        self._pending = b""  # a character that is cut at the end of the pieces so far
        self._original_size = 0
        self._repaired_size = 0
        self._shifts: collections.deque[tuple[int, int]] = collections.deque()
        self._shift = 0

    def repaired(self, piece: bytes) -> bytes:
        """Returns the next piece in UTF-8; the beginning of a cut character waits for its end."""
        piece = self._pending + piece
        size = codecs.utf_8_decode(piece, "replace", False)[1]
        piece, self._pending = piece[:size], piece[size:]
        parts: list[bytes] = []
        end = 0
        for match in _VALID.finditer(piece):
            if match.start() > end:
                parts.append(self._replaced(match.start() - end))
            parts.append(match[0])
            self._original_size += len(match[0])
            self._repaired_size += len(match[0])
            end = match.end()
        if end < len(piece):
            parts.append(self._replaced(len(piece) - end))
        return b"".join(parts)

    def original_offset(self, offset: int) -> int:
        """Returns where a byte of the repaired stream stands in the original one.

        Args:
            offset: not before that of the call before.
        """
        while self._shifts and self._shifts[0][0] <= offset:
            self._shift = self._shifts.popleft()[1]
        return offset - self._shift

    def _replaced(self, length: int) -> bytes:
        self.count += 1
        self._original_size += length
        self._repaired_size += len(_REPLACEMENT)
        self._shifts.append((self._repaired_size, self._repaired_size - self._original_size))
        return _REPLACEMENT
