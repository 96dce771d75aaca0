"""A MediaWiki XML dump, plain or compressed, to the wiki text of its articles, streamed.

Articles are the pages of namespace 0 that hold wiki text and redirect nowhere. Of a page with a
history the newest revision counts, of a revision with several slots the main one. Every other page
is counted by the cause that keeps it out. Where the XML is damaged or ends early, the articles
before it are kept and the rest becomes one reject.

Source: the export formats of MediaWiki, https://www.mediawiki.org/xml/export-0.10.xsd and
https://www.mediawiki.org/xml/export-0.11.xsd (`content` holds the slots other than the main one).
"""

from __future__ import annotations

import codecs
import collections
import dataclasses
import re
from collections.abc import Callable, Iterator
from xml.parsers import expat

from data_prep.corpus import byte_streams, rejects
from data_prep.corpus.file_range import FileRange
from data_prep.corpus.formats import file_kinds
from data_prep.corpus.rejects import Reject
from data_prep.corpus.utf8_repair import Utf8Repair

_REVISION_FIELDS = frozenset({"id", "timestamp", "model"})
_DECLARED_ENCODING = re.compile(rb"""\s*<\?xml[^>]*?\sencoding\s*=\s*["']([^"']+)""")
_WIKI_TEXT_MODELS = ("", "wikitext", "text")
# Links to these namespaces are no text: a file stands in its place, a category at the page's end.
_HIDDEN_NAMESPACES = ("6", "14")
# The word is the wiki's own, "#WEITERLEITUNG" or "#REDIRECT", and no dump lists them; but nothing
# except links, templates and comments follows it. (Differs: MediaWiki compares with the words of
# the wiki's language.)
_REDIRECT = re.compile(
    r"\s*#[^\W\d_][^\s:#|{}<>\[\]]{0,40}[ \t]*:?\s*\[\[[^\[\]]+\]\]"
    r"(?:\s|<!--(?:(?!-->).)*-->|\{\{[^{}]*\}\}|\[\[[^\[\]]*\]\]|__[^\W_]+__)*\Z",
    re.DOTALL,
)


@dataclasses.dataclass
class _Revision:
    """What is read of one revision; `text` are pieces of its main slot."""

    fields: dict[str, str] = dataclasses.field(default_factory=dict)
    text: list[str] = dataclasses.field(default_factory=list)
    text_size: int = 0
    text_attributes: dict[str, str] = dataclasses.field(default_factory=dict)

    def key(self) -> tuple[str, int]:
        """Returns what orders revisions by age: time, and number where times are equal."""
        number = self.fields.get("id", "").strip()
        return self.fields.get("timestamp", "").strip(), int(number) if number.isdigit() else 0


class WikiDumpArticles:
    """Iterates over the wiki text of the articles of one dump.

    Args:
        file_range: a whole file; XML cannot be entered in its middle.
        max_text_bytes: a longer article is rejected.
        reject: is given every reject.
        replace_invalid: read a dump with bytes that are not UTF-8, with U+FFFD in their stead.

    Attributes:
        counts: bytes_in, bytes_ok, bytes_dead (bytes of XML), bytes_lost (of the file), and the
            pages that were left out: pages_redirect, pages_other_namespace, pages_other_model (no
            wiki text), pages_deleted (text hidden), pages_stub (the dump holds no text) and
            pages_empty.
        stream: the file underneath.
        hidden_prefixes: what this wiki calls the namespaces of files and categories, lower-cased,
            with underscores for blanks; known once its `<siteinfo>` is read.
    """

    def __init__(
        self,
        file_range: FileRange,
        *,
        max_text_bytes: int,
        reject: Callable[[Reject], None],
        replace_invalid: bool = False,
    ):
        self.counts: collections.Counter[str] = collections.Counter()
        self.stream = byte_streams.ByteStream(file_range.path)
        self._path = file_range.path
        self._take_reject = reject
        self._max_text_bytes = max_text_bytes
        self._repair = Utf8Repair() if replace_invalid else None
        self._articles: list[str] = []
        self.hidden_prefixes: set[str] = set()
        self._prefix = ""
        self._seen_end = False
        self._after_page = 0
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
            if not self.counts["bytes_in"] and not _is_meant_as_utf8(piece):
                self._repair = None
            self.counts["bytes_in"] += len(piece)
            self.counts["bytes_ok"] += len(piece)
            if damage is None:
                damage = self._parse(self._repair.repaired(piece) if self._repair else piece)
                yield from self._articles
                self._articles.clear()
        if self._repair:
            self.counts["lines_replaced"] += self._repair.count
        damage = self.stream.error or damage
        if damage is None and not self._seen_end:
            damage = byte_streams.TRUNCATED if self._after_page else rejects.XML_DAMAGED
        if damage and (self.counts["bytes_in"] or self.stream.error):
            length = self.counts["bytes_in"] - self._after_page
            # How much is missing behind a clean cut is unknown, but it is not nothing.
            lost = max(self.stream.lost, 0 if length else 1)
            self._reject(self._after_page, damage, length, lost=lost)

    def _parse(self, piece: bytes) -> str | None:
        try:
            self._parser.Parse(piece, False)
        except (expat.ExpatError, LookupError, ValueError):  # the latter: an encoding it lacks
            return rejects.XML_DAMAGED
        return None

    def _reject(self, offset: int, reason: str, length: int, *, lost: int = 0) -> None:
        """Rejects a stretch of XML; only its offset is saved, it may be as long as the file."""
        self.counts["bytes_ok"] -= length
        self.counts["bytes_dead"] += length
        self.counts["bytes_lost"] += lost
        self._take_reject(Reject(self._path, offset, reason, b"", length, lost))

    def _offset(self) -> int:
        """Returns where the parser stands, in bytes of the (decompressed) file."""
        offset = self._parser.CurrentByteIndex
        return self._repair.original_offset(offset) if self._repair else offset

    def _begin_page(self) -> None:
        self._tag = ""
        self._namespace = ""
        self._is_redirect = False
        self._is_side_slot = False
        self._revision: _Revision | None = None
        self._newest: _Revision | None = None

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._tag = ""
        if tag == "page":
            self._begin_page()
            self._page_offset = self._offset()
        elif tag == "redirect":
            self._is_redirect = True
        elif tag == "revision":
            self._revision = _Revision()
        elif tag == "content":
            self._is_side_slot = True
        elif tag == "namespace" and attributes.get("key") in _HIDDEN_NAMESPACES:
            self._tag, self._prefix = tag, ""
        elif tag == "ns":
            self._tag = tag
        elif self._revision and not self._is_side_slot:
            self._start_field(self._revision, tag, attributes)

    def _start_field(self, revision: _Revision, tag: str, attributes: dict[str, str]) -> None:
        if tag == "text":
            revision.text_attributes = attributes
            self._tag = tag if self._is_newest(revision) else ""
        elif tag in _REVISION_FIELDS and tag not in revision.fields:  # contributors have an id too
            revision.fields[tag] = ""
            self._tag = tag

    def _is_newest(self, revision: _Revision) -> bool:
        return self._newest is None or revision.key() >= self._newest.key()

    def _characters(self, characters: str) -> None:
        revision = self._revision
        if self._tag == "ns":
            self._namespace += characters
        elif self._tag == "namespace":
            self._prefix += characters
        elif not revision or not self._tag:
            return
        elif self._tag != "text":
            revision.fields[self._tag] += characters
        elif revision.text_size <= self._max_text_bytes:
            revision.text.append(characters)
            revision.text_size += len(characters)

    def _end(self, tag: str) -> None:
        self._tag = ""
        if tag == "namespace" and self._prefix:
            self.hidden_prefixes.add(self._prefix.strip().lower().replace(" ", "_"))
            self._prefix = ""
        elif tag == "content":
            self._is_side_slot = False
        elif tag == "revision":
            if self._revision and self._is_newest(self._revision):
                self._newest = self._revision
            self._revision = None
        elif tag == "mediawiki":
            self._seen_end = True
            self._after_page = self._offset()
        elif tag == "page":
            self._end_page()
            self._after_page = self._offset() + len("</page>")

    def _end_page(self) -> None:
        revision = self._newest or _Revision()
        if revision.text_size > self._max_text_bytes:
            length = self._offset() + len("</page>") - self._page_offset
            self._reject(self._page_offset, rejects.XML_TEXT_TOO_LONG, length)
            return
        text = "".join(revision.text)
        if cause := self._cause_to_leave_out(revision, text):
            self.counts[cause] += 1
        else:
            self._articles.append(text)

    def _cause_to_leave_out(self, revision: _Revision, text: str) -> str | None:
        if self._namespace.strip() not in ("", "0"):
            return "pages_other_namespace"
        if self._is_redirect or is_redirect(text):
            return "pages_redirect"
        if revision.fields.get("model", "").strip() not in _WIKI_TEXT_MODELS:
            return "pages_other_model"
        if text.strip():
            return None
        if "deleted" in revision.text_attributes:
            return "pages_deleted"
        return "pages_empty" if _is_whole(revision) else "pages_stub"


def _is_whole(revision: _Revision) -> bool:
    """Says whether no text means an empty page: a stub says how long the text is that it lacks."""
    return bool(revision.text) or revision.text_attributes.get("bytes", "0").strip() in ("", "0")


def _is_meant_as_utf8(begin: bytes) -> bool:
    declared = _DECLARED_ENCODING.match(begin.removeprefix(codecs.BOM_UTF8))
    encoding = declared[1].decode("latin-1").lower() if declared else "utf-8"
    return encoding in ("utf-8", "utf8") and not file_kinds.is_utf16(begin)


def is_redirect(text: str) -> bool:
    """Says whether wiki text redirects to another page, in the words of any language."""
    begin = text[:99].lstrip()
    if not begin.startswith("#"):
        return False
    return begin[:9].upper() == "#REDIRECT" or bool(_REDIRECT.match(text))
