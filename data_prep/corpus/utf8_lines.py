"""One range of a text file to clean lines: valid UTF-8, no line ends, every byte accounted for.

A file that is no text, or text in UTF-16, is refused whole by its first bytes.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable, Iterable, Iterator

from data_prep.corpus import byte_streams, line_blocks, rejects
from data_prep.corpus.file_range import FileRange
from data_prep.corpus.formats import file_kinds
from data_prep.corpus.line_blocks import LineBlock
from data_prep.corpus.rejects import Reject

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclasses.dataclass(frozen=True)
class CleanBlock:
    """Lines after cleaning, with the raw block they came from.

    Attributes:
        lines: UTF-8 without line end; b"" where the line was blank, None where it was rejected.
        raw: the block as it was read.
    """

    lines: list[bytes | None]
    raw: LineBlock


class LineCleaner:
    """Iterates over the clean lines of one file range, in blocks.

    Args:
        file_range: what to read.
        max_line_bytes: longer lines come in pieces.
        reject: is given every reject.
        replace_invalid: use lines that are not UTF-8, with U+FFFD, instead of rejecting them.

    Attributes:
        counts: bytes_in, bytes_ok, bytes_blank, bytes_dead, bytes_lost (see `Reject.lost`), lines
            and events, so far.
        stream: the file underneath; its `consumed` is the progress.
    """

    def __init__(
        self,
        file_range: FileRange,
        *,
        max_line_bytes: int,
        reject: Callable[[Reject], None],
        replace_invalid: bool = False,
    ):
        self.counts: collections.Counter[str] = collections.Counter()
        self._take_reject = reject
        self._replace_invalid = replace_invalid
        self._range = file_range
        self._max_line_bytes = max_line_bytes
        # One byte early: a line feed there means that the range begins with a line.
        self.stream = byte_streams.ByteStream(file_range.path, start=max(0, file_range.start - 1))

    def __iter__(self) -> Iterator[CleanBlock]:
        if reason := self._reason_to_refuse():
            self._refuse_file(reason)
            return
        previous: LineBlock | None = None
        for block in self._raw_blocks():
            if previous is not None:
                yield self._clean(previous)
            previous = block
        if self.stream.error:
            previous = self._reject_broken_end(previous, self.stream.error)
        if previous is not None:
            yield self._clean(previous)

    @property
    def consumed(self) -> int:
        """Where reading stands in the file, in bytes of the file as it is stored."""
        return self.stream.consumed

    def reject(self, line: bytes, offset: int, reason: str, *, lost: int = 0) -> None:
        """Rejects a line that was counted as good."""
        self.counts["bytes_ok"] -= len(line)
        self.counts["bytes_dead"] += len(line)
        self.counts["bytes_lost"] += lost
        self._take_reject(Reject(self._range.path, offset, reason, line, len(line), lost))

    def _reason_to_refuse(self) -> str | None:
        begin = self.stream.beginning()
        if file_kinds.is_utf16(begin):
            return rejects.UTF16
        return rejects.BINARY if file_kinds.is_binary(begin) else None

    def _refuse_file(self, reason: str) -> None:
        if self._range.start:
            return  # the range at the beginning of the file speaks for all of it
        begin, length = b"", 0
        for piece in self.stream:
            begin = begin or piece
            length += len(piece)
        lost = self.stream.lost
        self.counts.update(bytes_in=length, bytes_dead=length, bytes_lost=lost)
        self._take_reject(Reject(self._range.path, 0, reason, begin, length, lost))

    def _raw_blocks(self) -> Iterable[LineBlock]:
        start, stop = self._range.start, self._range.stop
        at_blank = self._range.layout == "blank_line"
        blocks = line_blocks.read_lines(
            line_blocks.with_line_feeds(self.stream),
            offset=max(0, start - 1),
            max_line_bytes=self._max_line_bytes,
        )
        if start:
            blocks = line_blocks.from_next_line(blocks)
            if at_blank:
                blocks = line_blocks.from_next_blank(blocks)
        return blocks if stop is None else line_blocks.until(blocks, stop, at_blank=at_blank)

    def _reject_broken_end(self, block: LineBlock | None, reason: str) -> LineBlock | None:
        """Rejects the line in which a damaged stream broke off; the lines before it are whole."""
        lost = self.stream.lost
        if block is None:
            self.reject(b"", 0, reason, lost=lost)
            return None
        end = len(block.lines)
        offsets = block.offsets()
        broken = block.lines[-1]
        if offsets[end] - offsets[end - 1] > len(broken):  # its line feed is there
            broken = b""
        else:
            end -= 1
        self.counts["bytes_in"] += len(broken)
        self.counts["bytes_ok"] += len(broken)
        self.reject(broken, offsets[end], reason, lost=lost)
        return block.cut(0, end)

    def _clean(self, block: LineBlock) -> CleanBlock:
        self.counts["bytes_in"] += block.size
        self.counts["bytes_ok"] += block.size
        self.counts["lines"] += len(block.lines)
        self.counts["lines_cut"] += block.continues
        # One check for the whole block: a bad or odd byte is rare, a line is not.
        text = b"\n".join(block.lines)
        lines: list[bytes | None] = list(block.lines)
        if block.offset == 0 and text.startswith(_BYTE_ORDER_MARK):
            lines[0] = block.lines[0].removeprefix(_BYTE_ORDER_MARK)
        if not is_utf8(text):
            lines = self._without_invalid(lines, block)
        if b"\0" in text:
            self.counts["nul_bytes"] += text.count(b"\0")
            lines = [line and line.replace(b"\0", b"") for line in lines]
        if b"\r" in text:
            lines = [line and line.rstrip(b"\r") for line in lines]
        self._empty_blanks(lines, block)
        return CleanBlock(lines, block)

    def _without_invalid(self, lines: list[bytes | None], block: LineBlock) -> list[bytes | None]:
        offsets = block.offsets()
        for index, raw in enumerate(block.lines):
            if self._replace_invalid:
                lines[index] = with_invalid_replaced(lines[index] or b"", self.counts)
            elif not is_utf8(raw):
                lines[index] = None
                self.reject(raw, offsets[index], rejects.INVALID_UTF8)
        return lines

    def _empty_blanks(self, lines: list[bytes | None], block: LineBlock) -> None:
        for index, line in enumerate(lines):
            if line is not None and line_blocks.is_blank(line):
                lines[index] = b""
                self.counts["bytes_ok"] -= len(block.lines[index])
                self.counts["bytes_blank"] += len(block.lines[index])


def is_utf8(text: bytes) -> bool:
    """Says whether the bytes are UTF-8."""
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def with_invalid_replaced(text: bytes, counts: collections.Counter[str]) -> bytes:
    """Returns UTF-8 with U+FFFD for what was not; `counts` then has one more in lines_replaced."""
    if is_utf8(text):
        return text
    counts["lines_replaced"] += 1
    return text.decode("utf-8", "replace").encode("utf-8")
