"""Pieces of bytes to blocks of raw lines, with their offsets, within one range of a file.

A line ends in a line feed, in a carriage return and a line feed, or in a carriage return alone. It
belongs to the range its first byte lies in, a paragraph block (a run of lines up to a blank one) to
the range of the blank line before it. So ranges can be read by different workers and every line
comes up exactly once, wherever the cuts are.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator

MAX_LINE_BYTES = 1 << 20
_ASCII_BLANK = b" \t\r\n\v\f\0"
_LONGEST_BLANK = 64
_CARRIAGE_RETURNS = re.compile(rb"\r+(\n?)")
_CHUNK_BYTES = 1 << 18


@dataclasses.dataclass(frozen=True)
class LineBlock:
    """Some consecutive lines.

    Attributes:
        offset: where the first line begins, in bytes of the decompressed stream.
        lines: raw bytes without the line feed (or the carriage return that stands for one).
        size: bytes of all lines with their line feeds.
        continues: the last line is a piece of a longer line that goes on in the next block.
    """

    offset: int
    lines: list[bytes]
    size: int
    continues: bool = False

    def offsets(self) -> list[int]:
        """Returns where each line begins, and where the block ends."""
        offsets = [self.offset]
        for line in self.lines[:-1]:
            offsets.append(offsets[-1] + len(line) + 1)
        offsets.append(self.offset + self.size)
        return offsets

    def cut(self, first: int, last: int) -> LineBlock:
        """Returns the block of lines `first` up to, not including, `last`."""
        offsets = self.offsets()
        return LineBlock(
            offsets[first],
            self.lines[first:last],
            offsets[last] - offsets[first],
            self.continues and last == len(self.lines),
        )


def with_line_feeds(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yields the bytes with a line feed for every carriage return that ends a line by itself.

    A run of carriage returns before a line feed ends one line with it and stays as it is. What
    becomes of a byte depends on the bytes behind it alone, and offsets do not change, so ranges
    agree.
    """
    held = 0  # carriage returns at the end of the pieces so far
    for piece in pieces:
        if held and (rest := piece.lstrip(b"\r")):
            held += len(piece) - len(rest)
            yield from _repeated(b"\r" if rest[0] == 0x0A else b"\n", held)
            piece, held = rest, 0
        if piece.endswith(b"\r"):
            length = len(piece)
            piece = piece.rstrip(b"\r")
            held += length - len(piece)
        if b"\r" in piece and piece.count(b"\r") != piece.count(b"\r\n"):
            piece = _CARRIAGE_RETURNS.sub(_line_feeds, piece)
        if piece:
            yield piece
    yield from _repeated(b"\n", held)


def _line_feeds(run: re.Match[bytes]) -> bytes:
    return run[0] if run[1] else b"\n" * len(run[0])


def _repeated(byte: bytes, count: int) -> Iterator[bytes]:
    while count:
        length = min(count, _CHUNK_BYTES)
        yield byte * length
        count -= length


def read_lines(
    pieces: Iterable[bytes], *, offset: int = 0, max_line_bytes: int = MAX_LINE_BYTES
) -> Iterator[LineBlock]:
    """Yields all lines; a line longer than the limit comes in pieces, cut at a space if it has one.

    Args:
        pieces: the bytes, in pieces of any size.
        offset: where the first byte stands in its stream.
        max_line_bytes: longest line that stays whole.
    """
    rest = bytearray()
    for piece in pieces:
        searched = len(rest)
        rest += piece
        end = rest.rfind(b"\n", searched) + 1
        if end:
            block = LineBlock(offset, bytes(rest[: end - 1]).split(b"\n"), end)
            yield from _with_long_lines_cut(block, max_line_bytes)
            del rest[:end]
            offset += end
        while len(rest) > max_line_bytes:
            end = _where_to_cut(rest, max_line_bytes)
            yield LineBlock(offset, [bytes(rest[:end])], end, continues=True)
            del rest[:end]
            offset += end
    if rest:
        yield LineBlock(offset, [bytes(rest)], len(rest))


def _with_long_lines_cut(block: LineBlock, limit: int) -> Iterator[LineBlock]:
    """Yields the block, parted where a line is too long; every cut depends on that line alone."""
    if block.size <= limit or max(map(len, block.lines)) <= limit:
        yield block
        return
    done = 0
    for index, line in enumerate(block.lines):
        if len(line) <= limit:
            continue
        if index > done:
            yield block.cut(done, index)
        begin = block.offsets()[index]
        while len(line) > limit:
            end = _where_to_cut(line, limit)
            yield LineBlock(begin, [line[:end]], end, continues=True)
            line, begin = line[end:], begin + end
        yield LineBlock(begin, [line], len(line) + 1)
        done = index + 1
    if done < len(block.lines):
        yield block.cut(done, len(block.lines))


def _where_to_cut(line: bytes | bytearray, limit: int) -> int:
    if end := line.rfind(b" ", 1, limit) + 1:
        return end
    end = limit
    while end > max(1, limit - 4) and line[end] & 0xC0 == 0x80:  # never inside a UTF-8 character
        end -= 1
    return end if line[end] & 0xC0 != 0x80 else limit


def is_blank(line: bytes) -> bool:
    """Says whether a raw line holds nothing but white space (Unicode's too) and NUL bytes."""
    rest = line.strip(_ASCII_BLANK)
    if not rest:
        return True
    if rest[0] < 0x80 or len(rest) > _LONGEST_BLANK:
        return False
    return not rest.decode("utf-8", "replace").strip()


def from_next_line(blocks: Iterable[LineBlock]) -> Iterator[LineBlock]:
    """Drops the line under way when a range begins: it belongs to the range before."""
    dropping = True
    for block in blocks:
        if not dropping:
            yield block
        elif len(block.lines) > 1:
            yield block.cut(1, len(block.lines))
        dropping = dropping and block.continues


def from_next_blank(blocks: Iterable[LineBlock]) -> Iterator[LineBlock]:
    """Drops the lines before the first blank one; a blank piece of a longer line is none."""
    found = inside_line = False
    for block in blocks:
        if found:
            yield block
            continue
        for index, line in enumerate(block.lines):
            begins_here = not (index == 0 and inside_line)
            if begins_here and is_blank(line):
                found = True
                yield block.cut(index, len(block.lines))
                break
        inside_line = block.continues


def until(blocks: Iterable[LineBlock], stop: int, *, at_blank: bool) -> Iterator[LineBlock]:
    """Ends before the first line (or the first blank line) that begins at `stop` or later."""
    inside_line = False
    for block in blocks:
        if block.offset + block.size > stop:
            offsets = block.offsets()
            for index, line in enumerate(block.lines):
                begins_here = not (index == 0 and inside_line)
                if begins_here and offsets[index] >= stop and (not at_blank or is_blank(line)):
                    if index:
                        yield block.cut(0, index)
                    return
        yield block
        inside_line = block.continues
