"""First bytes and name of a file to what kind of file it is, and what to do about it.

A kind either has a layout of its own (Parquet, JSON lines, a MediaWiki dump), or is refused with a
remedy: text with foreign bytes or markup in it would be learned as if it were prose.
"""

from __future__ import annotations

import codecs
import dataclasses
import json
import re
import tarfile

from data_prep.corpus.formats import decompressors

_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_LINES_LOOKED_AT = 16
_TAR_HEADER_BYTES = 512
_TAR_SUM = re.compile(rb"[0-7 \0]{8}.{356}", re.DOTALL)
# What no text encoding uses: C0 and DEL without white space, BEL, BS and ESC.
_CONTROLS = bytes({*range(0x20), 0x7F} - {*b"\t\n\v\f\r\a\b\x1b"})
_FEWEST_CONTROLS = 8

_CONVERT = "Convert its text to JSON lines or to a plain text file"
_EXTRACT = "Extract the files in it and name those"
_DECOMPRESS = "Decompress it, or compress it again with gzip, bzip2, xz or zstd"


@dataclasses.dataclass(frozen=True)
class FileKind:
    """A kind of file that is not plain text.

    Attributes:
        name: as users know it.
        remedy: what to do, without the full stop; empty if it can be read.
        layout: with which it is read, if it can be.
        is_text: a text layout that the user names overrules the kind.
    """

    name: str
    remedy: str = ""
    layout: str | None = None
    is_text: bool = False


PARQUET = FileKind("Parquet", layout="parquet")
JSON_LINES = FileKind("JSON lines", layout="jsonl", is_text=True)
MEDIAWIKI = FileKind("MediaWiki dump", layout="mediawiki", is_text=True)
_TAR = FileKind("tar archive", _EXTRACT)
_TWICE = FileKind("file compressed twice", "Decompress it once")

_BINARY_KINDS = (
    (b"ARROW1\0\0", FileKind("Arrow or Feather", f"{_CONVERT}, or to Parquet")),
    (b"\xff\xff\xff\xff", FileKind("Arrow stream", f"{_CONVERT}, or to Parquet")),
    (b"Obj\x01", FileKind("Avro", f"{_CONVERT}, or to Parquet")),
    (b"SQLite format 3\0", FileKind("SQLite database", _CONVERT)),
    (b"\x89HDF\r\n\x1a\n", FileKind("HDF5", _CONVERT)),
    (b"\x93NUMPY", FileKind("NumPy array", _CONVERT)),
    (b"%PDF-", FileKind("PDF", f"{_CONVERT}, with pdftotext for one")),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", FileKind("Microsoft Office document", _CONVERT)),
    (b"PK\x03\x04", FileKind("ZIP archive (or a document kept in one)", _EXTRACT)),
    (b"PK\x05\x06", FileKind("empty ZIP archive", _EXTRACT)),
    (b"PK\x07\x08", FileKind("ZIP archive", _EXTRACT)),
    (b"7z\xbc\xaf\x27\x1c", FileKind("7-Zip archive", _EXTRACT)),
    (b"Rar!\x1a\x07", FileKind("RAR archive", _EXTRACT)),
    (b"\x04\x22\x4d\x18", FileKind("lz4", _DECOMPRESS)),
    (b"LZIP\x01", FileKind("lzip", _DECOMPRESS)),
    (b"\x89LZO\0", FileKind("lzop", _DECOMPRESS)),
    (b"\x1f\x9d", FileKind("compress (.Z)", _DECOMPRESS)),
    (b"\xff\x06\0\0sNaPpY", FileKind("snappy", _DECOMPRESS)),
    (b"\x37\xa4\x30\xec", FileKind("zstd dictionary", "Leave it out")),
)
# Prose may begin with these letters, but not go on with control characters.
_KINDS_BY_LETTERS = (
    (b"PAR1", PARQUET),
    (b"PARE", FileKind("encrypted Parquet", "Write it again without encryption")),
    (b"FEA1", FileKind("Feather", f"{_CONVERT}, or to Parquet")),
    (b"ORC", FileKind("ORC", f"{_CONVERT}, or to Parquet")),
)

_HTML = FileKind("HTML", f"{_CONVERT}, without its markup", is_text=True)
_XML = FileKind("XML that is no MediaWiki dump", f"{_CONVERT}, without its markup", is_text=True)
_RTF = FileKind("RTF", _CONVERT, is_text=True)
_WARC = FileKind("WARC", f"{_CONVERT}, without headers and markup", is_text=True)
_TABLE = FileKind("table (.csv, .tsv)", f"{_CONVERT}, or to Parquet", is_text=True)
_JSON = FileKind(
    "JSON, but not an object a line",
    "Write an object a line, with `jq -c '.[]'` for one if it is an array of objects",
    is_text=True,
)
_MARKUP_KINDS = (
    (re.compile(rb"(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.I | re.S), _HTML),
    (re.compile(rb"<\?xml\b(?=.{,1024}?<html\b)", re.I | re.S), _HTML),
    (re.compile(rb"(?:<(?:\?xml|!DOCTYPE)\b.*?)?<mediawiki\b", re.S), MEDIAWIKI),
    (re.compile(rb"<\?xml\b"), _XML),
    (re.compile(rb"\{\\rtf\d"), _RTF),
    (re.compile(rb"WARC/\d"), _WARC),
)
_MARKUP_LETTERS = (b"<", b"{", b"W")
_JSON_BEGIN = re.compile(rb'\{\s*"(?:[^"\\\n]|\\.)*"\s*:')
_JSON_ARRAY_BEGIN = re.compile(rb'\[\s*\{\s*"')
_JSON_NAME = re.compile(r"\.json(\.\w+)?$")
_JSON_LINES_NAME = re.compile(r"\.(jsonl|ndjson)(\.\w+)?$")
_HTML_NAME = re.compile(r"\.x?html?(\.\w+)?$")
_TABLE_NAME = re.compile(r"\.(csv|tsv)(\.\w+)?$")


def kind_of(begin: bytes, name: str = "") -> FileKind | None:
    """Returns the kind of a file, or None for plain text and for bytes of no known kind.

    Args:
        begin: first bytes of the decompressed file, `byte_streams.BEGIN_BYTES` or all.
        name: of the file, for the few kinds that only their names tell.
    """
    return _binary_kind(begin) or _text_kind(begin, name.lower())


def is_binary(begin: bytes) -> bool:
    """Says whether a file is no text, by its first bytes: of a binary kind, or full of controls.

    Text in any encoding has almost no control characters. In compressed or random bytes a tenth of
    the bytes are, in numbers and UTF-16 about half. One in 50 is accepted, in valid UTF-8 one in 8.
    """
    if _binary_kind(begin):
        return True
    accepted = len(begin) // (8 if _is_utf8_so_far(begin) else 50)
    return _controls(begin) >= max(_FEWEST_CONTROLS, accepted)


def is_utf16(begin: bytes) -> bool:
    """Says whether a file begins with a UTF-16 byte-order mark."""
    return begin.startswith(_UTF16_MARKS)


def _binary_kind(begin: bytes) -> FileKind | None:
    for magic, kind in _BINARY_KINDS:
        if begin.startswith(magic):
            return kind
    for magic, kind in _KINDS_BY_LETTERS:
        if begin.startswith(magic) and _controls(begin) >= _FEWEST_CONTROLS:
            return kind
    if decompressors.compression_of(begin):
        return _TWICE
    return _TAR if _is_tar(begin) else None


def _controls(begin: bytes) -> int:
    return len(begin) - len(begin.translate(None, _CONTROLS))


def _is_tar(begin: bytes) -> bool:
    """Checks the sum of the first header: archives of the oldest format have no magic number."""
    if not _TAR_SUM.match(begin, 148, _TAR_HEADER_BYTES) or not begin[0]:
        return False
    try:
        tarfile.TarInfo.frombuf(begin[:_TAR_HEADER_BYTES], "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError):
        return False
    return True


def _text_kind(begin: bytes, name: str) -> FileKind | None:
    text = begin.removeprefix(codecs.BOM_UTF8).lstrip()
    if text[:1] in _MARKUP_LETTERS:
        for pattern, kind in _MARKUP_KINDS:
            if pattern.match(text):
                return kind
        if text[:1] == b"<" and _HTML_NAME.search(name):
            return _HTML
    if _are_json_objects(text):
        return JSON_LINES
    begins_as_json = text[:1] in (b"[", b"{") and bool(_JSON_NAME.search(name))
    is_document = bool(_JSON_BEGIN.match(text)) and not _JSON_LINES_NAME.search(name)
    if begins_as_json or is_document or _JSON_ARRAY_BEGIN.match(text):
        return _JSON
    return _TABLE if _TABLE_NAME.search(name) else None


def _are_json_objects(text: bytes) -> bool:
    """Says whether more than half of the first lines are JSON objects."""
    lines = text.replace(b"\r", b"\n").split(b"\n")
    if len(lines) == 1:  # it may go on beyond what is at hand
        return _is_json_object(text) or bool(_JSON_BEGIN.match(text))
    lines = [line for line in lines[:-1] if line.strip()][:_LINES_LOOKED_AT]
    return 2 * sum(map(_is_json_object, lines)) > len(lines)


def _is_json_object(line: bytes) -> bool:
    if not line.lstrip().startswith(b"{"):
        return False
    try:
        return isinstance(json.loads(line.decode("utf-8", "replace")), dict)
    except (ValueError, RecursionError):
        return False


def _is_utf8_so_far(begin: bytes) -> bool:
    try:
        codecs.utf_8_decode(begin, "strict", False)  # a character may be cut at the end
    except UnicodeDecodeError:
        return False
    return True
