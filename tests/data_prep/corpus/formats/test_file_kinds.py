"""First bytes of real files of many kinds; none of them may be taken for text."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile

import numpy as np
import pyarrow
import pyarrow.feather
import pyarrow.ipc
import pyarrow.orc
import pyarrow.parquet
import pytest

from data_prep.corpus.formats.file_kinds import is_binary, is_utf16, kind_of

TABLE = pyarrow.table({"text": ["The cat sat on the mat."] * 5})
OBJECT = b'{"text": "The cat sat."}\n'


def written(write, *arguments, **settings):
    stream = io.BytesIO()
    write(*arguments, stream, **settings)
    return stream.getvalue()


def stored_zip():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a.txt", "The cat sat on the mat.\n")
    return stream.getvalue()


def tar(kind):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=kind) as archive:
        entry = tarfile.TarInfo("a.txt")
        entry.size = 13
        archive.addfile(entry, io.BytesIO(b"The cat sat.\n"))
    return stream.getvalue()


def arrow_stream():
    stream = io.BytesIO()
    with pyarrow.ipc.new_stream(stream, TABLE.schema) as writer:
        writer.write_table(TABLE)
    return stream.getvalue()


def oldest_tar():
    """A tar header without a magic number, as Unix version 7 wrote it."""
    header = bytearray(tar(tarfile.USTAR_FORMAT)[:512])
    header[257:265] = bytes(8)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


BINARY = {
    "Parquet": written(pyarrow.parquet.write_table, TABLE),
    "ORC": written(pyarrow.orc.write_table, TABLE),
    "Arrow or Feather": written(pyarrow.feather.write_feather, TABLE, compression="uncompressed"),
    "Feather": b"FEA1" + bytes(4) + b"The cat" + bytes(33) + b"FEA1",
    "Arrow stream": arrow_stream(),
    "ZIP archive (or a document kept in one)": stored_zip(),
    "PDF": b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n",
    "tar archive": tar(tarfile.GNU_FORMAT),
    "NumPy array": written(lambda array, stream: np.save(stream, array), np.arange(9)),
    "SQLite database": b"SQLite format 3\0" + bytes(84),
    "file compressed twice": gzip.compress(b"text"),
}


@pytest.mark.parametrize("name", list(BINARY))
def test_binary_kinds_are_named_and_never_text(name):
    kind = kind_of(BINARY[name])
    assert (kind.name, kind.is_text) == (name, False)
    assert kind.remedy or kind.layout
    assert is_binary(BINARY[name])


@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.PAX_FORMAT])
def test_every_tar_is_known(kind):
    assert kind_of(tar(kind)).name == kind_of(oldest_tar()).name == "tar archive"


def test_text_kinds_are_known_and_could_be_read_as_they_stand():
    for begin, name, expected in [
        (b"<!DOCTYPE html>\n<html>", "a.txt", "HTML"),
        (b"\xef\xbb\xbf \n<!-- saved --><HTML lang=en>", "a.txt", "HTML"),
        (b"<?xml version='1.0'?>\n<html xmlns='x'>", "a.xml", "HTML"),
        (b"<?xml version='1.0'?>\n<rss>", "a.xml", "XML that is no MediaWiki dump"),
        (b"<mediawiki xmlns='x'>\n", "a.txt", "MediaWiki dump"),
        (b"<?xml version='1.0'?>\n<!-- x -->\n<mediawiki>", "a", "MediaWiki dump"),
        (OBJECT * 3, "a.json", "JSON lines"),
        (OBJECT[:-1], "a.txt", "JSON lines"),
        (OBJECT.replace(b"\n", b"\r\n") * 3, "a.txt", "JSON lines"),
        (OBJECT.replace(b"\n", b"\r") * 3, "a.txt", "JSON lines"),
        (b'{"text": "' + b"long " * 13_000, "a", "JSON lines"),
        (b'{\n  "text": "x"\n}\n', "a.txt", "JSON, but not an object a line"),
        (b'[{"text": "x"},\n{"text": "y"}]', "a.txt", "JSON, but not an object a line"),
        (b'["x", "y"]', "a.json.gz", "JSON, but not an object a line"),
        (b"id,text\n1,cat\n", "a.csv", "table (.csv, .tsv)"),
        (b"id\ttext\n", "A.TSV.gz", "table (.csv, .tsv)"),
        (b"WARC/1.0\r\nWARC-Type: response\r\n", "a", "WARC"),
    ]:
        kind = kind_of(begin, name)
        assert kind is not None, begin
        assert (kind.name, kind.is_text) == (expected, True)
        assert not is_binary(begin)


@pytest.mark.parametrize(
    "begin",
    [
        b"",
        b"The cat sat on the mat.\n",
        b"[[Link]] begins this page\n",
        b"[Chapter 1]\n",
        b"{curly} text\n{more}\n",
        b"ORCHESTRA\n",
        b"PARENTS and PAR1 and LZIP\n",
        b"BZh is how a file begins\n",
        b"<b>bold</b> begins this line\n",
        b"id,text\n",
        b'{"a": broken}\nprose\nprose\n',
    ],
)
def test_prose_is_no_kind(begin):
    assert kind_of(begin, "a.txt" if begin[:1] != b"{" else "a.jsonl") is None
    assert not is_binary(begin)


@pytest.mark.parametrize(
    "content",
    [
        np.random.default_rng(0).bytes(4_096),
        np.arange(500).tobytes(),
        np.random.default_rng(0).normal(size=500).tobytes(),
        "The cat sat on the mat.".encode("utf-16-le"),
        "The cat sat on the mat.".encode("utf-32"),
        lzma.compress(b"text" * 999)[6:],
        bz2.compress(np.random.default_rng(0).bytes(999))[10:],
    ],
)
def test_bytes_that_are_no_text_are_binary_without_a_name(content):
    assert is_binary(content)


@pytest.mark.parametrize(
    "content",
    [
        "Ein süßer Bär. ".encode("latin-1") * 99,
        "猫は座った。".encode("shift-jis") * 99,
        "кот сидел".encode("koi8-r") * 99,
        "猫は座った。".encode("iso-2022-jp") * 99,
        "\u4f60\u597d".encode() * 99 + b"\xe4\xbd",
        b"a line with one NUL \0 in it\n" * 9,
        b"\x1b[1mbold\x1b[0m and b\bbo\bol\bld\a\n" * 9,
    ],
)
def test_text_in_any_encoding_is_not_binary(content):
    assert not is_binary(content)


@pytest.mark.parametrize(("content", "expected"), [("hi".encode("utf-16"), True), (b"hi", False)])
def test_utf16_is_known_by_its_mark(content, expected):
    assert is_utf16(content) is expected


@pytest.mark.parametrize("first", [b'of the mat."}\n', b"# made by hand\n", b'{"text": "The c\n'])
def test_a_first_line_that_is_no_object_leaves_json_lines_what_they_are(first):
    assert kind_of(first + 3 * OBJECT, "part-00001").layout == "jsonl"


def test_json_lines_in_latin_1_are_json_lines():
    lines = 3 * '{"text": "Der Bär saß."}\n'.encode("latin-1")
    assert kind_of(lines, "a.json").layout == "jsonl"


@pytest.mark.parametrize("begin", [b"<title>A</title><p>B", b"<div>B</div>", b"\n<meta name=a>"])
def test_html_without_its_outer_tags_is_told_by_its_name(begin):
    assert kind_of(begin, "page.html").name == "HTML"
    assert kind_of(begin, "page.htm.gz").name == "HTML"
    assert kind_of(begin, "page.txt") is None
