"""A MediaWiki XML dump, plain or compressed, to the wiki text of its articles, streamed.

Articles are the pages of namespace 0 that redirect nowhere; of a page with a history, the last
revision counts. Where the XML is damaged or ends early, the articles before it are kept and the
rest becomes one dead letter.

Source: the export format of MediaWiki, https://www.mediawiki.org/xml/export-0.11.xsd.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterator
from xml.parsers import expat

from data_prep.corpus import byte_streams, rejects
from data_prep.corpus.file_range import FileRange
from data_prep.corpus.rejects import DeadLetter

_READ_TAGS = frozenset({"ns", "text"})


class WikiDumpArticles:
    """Iterates over the wiki text of the articles of one dump.

    Args:
        file_range: a whole file; XML cannot be entered in its middle.
        max_text_bytes: a longer article is rejected.
        reject: is given every dead letter.

    Attributes:
        counts: bytes_in, bytes_ok, bytes_dead (bytes of XML), and the pages that were left out:
            pages_redirect, pages_other_namespace.
        stream: the file underneath.
    """

    def __init__(
        self,
        file_range: FileRange,
        *,
        max_text_bytes: int,
        reject: Callable[[DeadLetter], None],
    ):
        self.counts: collections.Counter[str] = collections.Counter()
        self.stream = byte_streams.ByteStream(file_range.path)
        self._path = file_range.path
        self._take_reject = reject
        self._max_text_bytes = max_text_bytes
        self._articles: list[str] = []
        self._seen_end = False
        self._place_after_page = 0
        self._begin_page()
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters

    @property
    def consumed(self) -> int:
        """Where reading stands in the file, in bytes of the file as it is stored."""
        return self.stream.consumed

    def __iter__(self) -> Iterator[str]:
        damage: str | None = None
        for piece in self.stream:
            self.counts["bytes_in"] += len(piece)
            self.counts["bytes_ok"] += len(piece)
            if damage is None:
                damage = self._parse(piece)
                yield from self._articles
                self._articles.clear()
        damage = self.stream.error or damage
        if damage is None and not self._seen_end:
            damage = byte_streams.TRUNCATED if self._place_after_page else rejects.XML_DAMAGED
        if damage and (self.counts["bytes_in"] or self.stream.error):
            length = self.counts["bytes_in"] - self._place_after_page
            self._reject(self._place_after_page, damage, length)

    def _parse(self, piece: bytes) -> str | None:
        try:
            self._parser.Parse(piece, False)
        except (expat.ExpatError, LookupError, ValueError):  # the latter: an encoding it lacks
            return rejects.XML_DAMAGED
        return None

    def _reject(self, place: int, reason: str, length: int) -> None:
        """Rejects a stretch of XML; only its place is saved, it may be as long as the file."""
        self.counts["bytes_ok"] -= length
        self.counts["bytes_dead"] += length
        self._take_reject(DeadLetter(self._path, place, reason, b"", length))

    def _begin_page(self) -> None:
        self._tag = ""
        self._namespace = ""
        self._is_redirect = False
        self._text: list[str] = []
        self._text_size = 0

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "page":
            self._begin_page()
            self._page_place = self._parser.CurrentByteIndex
        elif tag == "redirect":
            self._is_redirect = True
        elif tag == "text":
            self._text, self._text_size = [], 0
        self._tag = tag if tag in _READ_TAGS else ""

    def _characters(self, characters: str) -> None:
        if self._tag == "ns":
            self._namespace += characters
        elif self._tag == "text" and self._text_size <= self._max_text_bytes:
            self._text.append(characters)
            self._text_size += len(characters)

    def _end(self, tag: str) -> None:
        self._tag = ""
        if tag == "mediawiki":
            self._seen_end = True
            self._place_after_page = self._parser.CurrentByteIndex
        elif tag == "page":
            self._end_page()
            self._place_after_page = self._parser.CurrentByteIndex + len("</page>")

    def _end_page(self) -> None:
        if self._namespace.strip() not in ("", "0"):
            self.counts["pages_other_namespace"] += 1
        elif self._is_redirect or _begins_as_redirect(self._text):
            self.counts["pages_redirect"] += 1
        elif self._text_size > self._max_text_bytes:
            length = self._parser.CurrentByteIndex + len("</page>") - self._page_place
            self._reject(self._page_place, rejects.XML_TEXT_TOO_LONG, length)
        else:
            self._articles.append("".join(self._text))


def _begins_as_redirect(text: list[str]) -> bool:
    return bool(text) and text[0].lstrip()[:9].upper() == "#REDIRECT"
