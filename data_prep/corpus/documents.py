"""Readers: ranges of files to documents, each a list of clean lines.

Layouts:

    blank_line   a blank line begins a new document (the format of google-research/bert)
    file         one document a file; blank lines separate paragraphs
    line         one document a line
    jsonl        one JSON object a line; the text in its `text_field` is the document
    parquet      one row a document; the text is in the column `text_field`
    mediawiki    one article of a MediaWiki XML dump a document, its markup stripped

A line is UTF-8 without line end and not blank. Bad bytes become rejects and reading goes on.
"""

from __future__ import annotations

import collections
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator

from data_prep.corpus import line_blocks, rejects
from data_prep.corpus.file_range import FileRange
from data_prep.corpus.parquet import ParquetTexts
from data_prep.corpus.rejects import Reject
from data_prep.corpus.utf8_lines import CleanBlock, LineCleaner
from data_prep.corpus.wiki_dump import WikiDumpArticles
from data_prep.corpus.wiki_markup import plain_paragraphs

LAYOUTS = ("blank_line", "file", "line", "jsonl", "parquet", "mediawiki")
MAX_DOCUMENT_BYTES = 64 << 20
_SURROGATE = re.compile("[\ud800-\udfff]")

Document = list[bytes]


def document_id(document: Document) -> bytes:
    """Returns 16 bytes that depend on the text of the document alone, not on where it was found."""
    return hashlib.blake2b(b"\n".join(document), digest_size=16).digest()


class DocumentReader:
    """Iterates over the documents of one file range; in file order, once.

    Args:
        file_range: what to read.
        max_line_bytes: longer lines are cut at a space.
        max_document_bytes: longer documents are cut between lines.
        reject: is given every reject.
        replace_invalid: use text that is not UTF-8 with U+FFFD in it, instead of rejecting it.

    Attributes:
        counts: bytes, lines, documents and events. bytes_in = bytes_ok + bytes_blank + bytes_dead,
            decompressed; bytes_lost are bytes of the file that a broken stream left unread;
            documents_cut counts cuts made because a document was too long.
    """

    def __init__(
        self,
        file_range: FileRange,
        *,
        max_line_bytes: int = line_blocks.MAX_LINE_BYTES,
        max_document_bytes: int = MAX_DOCUMENT_BYTES,
        reject: Callable[[Reject], None] = lambda reject: None,
        replace_invalid: bool = False,
    ):
        self._range = file_range
        self._replace_invalid = replace_invalid
        self._max_document_bytes = max_document_bytes
        if file_range.layout == "parquet":
            self._source = ParquetTexts(file_range, reject=reject, replace_invalid=replace_invalid)
        elif file_range.layout == "mediawiki":
            self._source = WikiDumpArticles(
                file_range,
                max_text_bytes=max_document_bytes,
                reject=reject,
                replace_invalid=replace_invalid,
            )
        else:
            # A JSON record cannot be cut, so its line may be as long as a document.
            limit = max_document_bytes if file_range.layout == "jsonl" else max_line_bytes
            self._source = LineCleaner(
                file_range,
                max_line_bytes=limit,
                reject=reject,
                replace_invalid=replace_invalid,
            )

    @property
    def counts(self) -> collections.Counter[str]:
        """What was read so far."""
        return self._source.counts

    @property
    def consumed(self) -> int:
        """Where reading stands in the file, in bytes of the file as it is stored."""
        return self._source.consumed

    @property
    def is_plain(self) -> bool:
        """Says whether `bytes_in` counts the bytes of the file as it is stored."""
        return self._range.layout != "parquet" and not self._source.stream.compressed

    def __iter__(self) -> Iterator[Document]:
        groups = {
            "blank_line": self._by_blank_line,
            "file": self._by_file,
            "line": self._by_line,
            "jsonl": self._by_json_line,
            "parquet": self._by_row,
            "mediawiki": self._by_article,
        }
        for group in groups[self._range.layout]():
            for document in self._cut(group):
                self.counts["documents"] += 1
                yield document

    def _cut(self, lines: Iterable[bytes]) -> Iterator[Document]:
        """Cuts what would be too long a document for the memory of one worker."""
        document: Document = []
        size = 0
        for line in lines:
            if document and size + len(line) > self._max_document_bytes:
                self.counts["documents_cut"] += 1
                yield document
                document, size = [], 0
            document.append(line)
            size += len(line)
        if document:
            yield document

    def _by_file(self) -> Iterator[Iterable[bytes]]:
        yield (line for block in self._source for line in block.lines if line)

    def _by_blank_line(self) -> Iterator[Iterable[bytes]]:
        flat = (line for block in self._source for line in block.lines if line is not None)
        for line in flat:
            if line:
                yield _until_blank(line, flat)

    def _by_line(self) -> Iterator[Iterable[bytes]]:
        group: list[bytes] = []
        for block in self._source:
            last = len(block.lines) - 1
            for index, line in enumerate(block.lines):
                if line:
                    group.append(line)
                if not (block.raw.continues and index == last):
                    yield group
                    group = []
        yield group

    def _by_json_line(self) -> Iterator[Iterable[bytes]]:
        inside_line = False
        for block in self._source:
            for index, line in enumerate(block.lines):
                is_piece = (inside_line and index == 0) or (
                    block.raw.continues and index == len(block.lines) - 1
                )
                if line and is_piece:
                    self._reject(block, index, rejects.JSON_TOO_LONG)
                elif line:
                    yield self._json_text(block, index)
            inside_line = block.raw.continues

    def _json_text(self, block: CleanBlock, index: int) -> list[bytes]:
        try:
            record = json.loads(block.lines[index] or b"")
        except (ValueError, RecursionError):
            return self._reject(block, index, rejects.JSON_SYNTAX)
        text = record.get(self._range.text_field) if isinstance(record, dict) else None
        if not isinstance(text, str):
            return self._reject(block, index, rejects.JSON_TEXT)
        try:
            return _lines_of(text)
        except UnicodeEncodeError:  # a lone surrogate, written as an escape
            if not self._replace_invalid:
                return self._reject(block, index, rejects.INVALID_UTF8)
        self.counts["lines_replaced"] += 1
        return _lines_of(_SURROGATE.sub("\ufffd", text))

    def _by_row(self) -> Iterator[Iterable[bytes]]:
        for text in self._source:
            yield _lines_of(text.decode("utf-8"))

    def _by_article(self) -> Iterator[Iterable[bytes]]:
        for markup in self._source:
            prose = plain_paragraphs(markup, self._source.hidden_prefixes)
            paragraphs = [line.encode("utf-8") for line in prose]
            self.counts["pages_without_prose"] += not paragraphs
            yield paragraphs

    def _reject(self, block: CleanBlock, index: int, reason: str) -> list[bytes]:
        self._source.reject(block.raw.lines[index], block.raw.offsets()[index], reason)
        return []


def _lines_of(text: str) -> list[bytes]:
    lines = text.replace("\0", "").replace("\r", "\n").encode("utf-8").split(b"\n")
    return [line for line in lines if not line_blocks.is_blank(line)]


def _until_blank(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    for line in rest:
        if not line:
            return
        yield line
