"""Readers under bytes of every kind: what must hold is in `reader_invariants`.

The same is looked for at length, guided by coverage, by `tests/fuzz/fuzz_data_prep.py`.
"""

import bz2
import functools
import gzip
import lzma

import pyarrow
import pyarrow.parquet
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_prep.corpus.documents import LAYOUTS
from data_prep.corpus.wiki_markup import plain_paragraphs

readers = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

LINES = [
    b"\n",
    b"\n\n",
    b"\r\n",
    b"\r",
    b" ",
    b"\t\x0b",
    b"a",
    b"the cat ",
    b"\xc3\xa9",
    b"\xe2\x80\xa8",
]
ODD = [b"\xff", b"\0", b"\xc3", b"\xef\xbb\xbf", b"\xff\xfe", b"\x1c", b"\xc2\xa0", b"\xf0\x9f\x98"]
JSON = [
    b'{"text": "',
    b'"}\n',
    b"\\ud800",
    b"\\n",
    b'{"text": 3}\n',
    b"[",
    b"{",
    b"1" * 30,
    b"null",
]
XML = [
    b"<mediawiki>",
    b"</mediawiki>",
    b"<page><ns>0</ns><revision><text>",
    b"</text></revision></page>",
    b"</page>",
    b"<page/>",
    b"<page >",
    b"<redirect/>",
    b"#REDIRECT",
    b"&amp;",
    b"&#0;",
    b"&e;",
    b"<!DOCTYPE m [<!ENTITY e '<page><text>x</text></page>'>]>",
    b"<?xml version='1.0' encoding='utf-8'?>",
    b"<?xml version='1.0' encoding='no-such'?>",
    b"<?xml version='1.0' encoding='utf-7'?>",
    b"<![CDATA[",
    b"]]>",
    b"{{",
    b"}}",
    b"[[a|b]]",
]
COMPRESSORS = {
    "plain": bytes,
    "gzip": functools.partial(gzip.compress, mtime=0),
    "bzip2": bz2.compress,
    "xz": functools.partial(lzma.compress, preset=0),
    "lzma": functools.partial(lzma.compress, format=lzma.FORMAT_ALONE, preset=0),
    "skippable": lambda content: b"\x5f\x2a\x4d\x18" + len(content).to_bytes(4, "little") + content,
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
}
pieces = st.sampled_from([*LINES, *ODD, *JSON, *XML]) | st.binary(max_size=12)
contents = st.lists(pieces, max_size=40).map(b"".join)
limits = st.fixed_dictionaries(
    {
        "max_line_bytes": st.integers(4, 60),
        "max_document_bytes": st.integers(1, 90),
        "replace_invalid": st.booleans(),
    }
)


@st.composite
def files(draw):
    """A file of one or two streams in any format, whole or damaged."""
    content = b"".join(
        COMPRESSORS[draw(st.sampled_from(list(COMPRESSORS)))](draw(contents))
        for _ in range(draw(st.integers(1, 2)))
    )
    begin = draw(st.integers(0, len(content)))
    match draw(st.sampled_from(["whole", "whole", "cut", "overwritten", "behind"])):
        case "cut":
            return content[:begin]
        case "overwritten":
            damage = draw(st.binary(min_size=1, max_size=9))
            return content[:begin] + damage + content[begin + len(damage) :]
        case "behind":
            return content + draw(st.binary(max_size=9))
    return content


@readers
@given(files(), st.sampled_from(LAYOUTS), limits)
def test_any_file_is_read_to_its_end_with_every_byte_accounted_for(
    reader_invariants, tmp_path, content, layout, limits
):
    (tmp_path / "file").write_bytes(content)
    reader_invariants.check_reading(tmp_path / "file", layout, **limits)


@readers
@given(contents, st.sampled_from(["blank_line", "line", "jsonl"]), st.integers(1, 60), limits)
def test_ranges_of_any_file_give_what_the_whole_gives(
    reader_invariants, tmp_path, content, layout, width, limits
):
    (tmp_path / "file").write_bytes(content)
    reader_invariants.check_ranges(tmp_path / "file", layout, width, len(content), **limits)


@readers
@given(st.lists(st.sampled_from(XML).map(bytes.decode) | st.text(max_size=9), max_size=40))
def test_any_markup_becomes_paragraphs(markup):
    for paragraph in plain_paragraphs("".join(markup)):
        assert paragraph.strip() == paragraph != ""
        assert "\n" not in paragraph


@pytest.fixture
def parquet_bytes(tmp_path):
    """Returns `make(texts, rows_per_group, codec)`: the bytes of a Parquet file."""

    def make(texts, rows_per_group, codec):
        path = tmp_path / "made.parquet"
        table = pyarrow.table({"text": pyarrow.array(texts, pyarrow.binary())})
        pyarrow.parquet.write_table(
            table, path, row_group_size=rows_per_group, compression=codec, use_dictionary=False
        )
        return path.read_bytes()

    return make


@readers
@given(
    st.lists(st.none() | contents, max_size=12),
    st.integers(1, 5),
    st.sampled_from(["none", "zstd", "gzip"]),
    st.binary(max_size=9),
    st.floats(0, 1),
    limits,
)
def test_any_damage_to_a_parquet_file_is_accounted_for(
    reader_invariants, parquet_bytes, tmp_path, texts, rows, codec, damage, place, limits
):
    content = parquet_bytes(texts, rows, codec)
    begin = int(place * len(content))
    path = tmp_path / "damaged.parquet"
    path.write_bytes(content[:begin] + damage + content[begin + len(damage) :])
    documents, letters = reader_invariants.check_reading(path, "parquet", **limits)
    if not damage:
        missing = [letter for letter in letters if letter.reason == "parquet:no_text"]
        assert len(missing) == texts.count(None)
        invalid = [letter.content for letter in letters if letter.reason == "line:invalid_utf8"]
        assert all(texts[letter.offset] == letter.content for letter in letters if letter.length)
        assert not (limits["replace_invalid"] and invalid)
