"""What no document is made of, in every layout: a reject with its place, or mended text."""

import gzip
import json
import lzma
import operator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_prep.corpus.documents import LAYOUTS


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "jsonl:invalid_json"),
        (b"[1]", "jsonl:no_text"),
        (b'{"body": "x"}', "jsonl:no_text"),
        (b'{"text": 3}', "jsonl:no_text"),
        (b'{"text": "\\ud800"}', "line:invalid_utf8"),
        (b'{"text": "a \\udc00 b \\ud83d"}', "line:invalid_utf8"),
        (b"[" * 100_000, "jsonl:invalid_json"),
    ],
)
def test_bad_json_becomes_a_dead_letter_and_reading_goes_on(read, line, reason):
    documents, reader, letters = read(b'{"text": "a"}\n' + line + b'\n{"text": "b"}', "jsonl")
    assert documents == [[b"a"], [b"b"]]
    assert [(each.reason, each.offset, each.content) for each in letters] == [(reason, 14, line)]
    assert reader.counts["bytes_dead"] == len(line)


def test_invalid_utf8_becomes_a_dead_letter_with_its_place(read):
    documents, reader, letters = read(b"good\nbad \xff\xfe\nfine\n")
    assert documents == [[b"good", b"fine"]]
    assert [(each.offset, each.content) for each in letters] == [(5, b"bad \xff\xfe")]
    assert (reader.counts["bytes_dead"], reader.counts["bytes_in"]) == (6, 17)


def test_utf16_is_refused_as_a_whole(read):
    content = "line\n".encode("utf-16")
    documents, reader, letters = read(content)
    assert documents == []
    assert [(each.reason, each.length) for each in letters] == [("encoding:utf-16", 12)]
    assert reader.counts["bytes_dead"] == reader.counts["bytes_in"] == 12


def test_lines_before_a_truncation_are_kept_and_the_broken_one_saved(read):
    text = "".join(f"line {i} {hash((i, 1)) % 10**9}\n" for i in range(50_000)).encode()
    compressed = gzip.compress(text)
    documents, reader, letters = read(compressed[: len(compressed) // 2])
    lines = documents[0]
    assert len(lines) > 10_000
    assert lines == text.split(b"\n")[: len(lines)]
    (letter,) = letters
    assert letter.reason == "stream:truncated"
    assert text[letter.offset :].startswith(letter.content)
    assert text[: letter.offset] == b"".join(line + b"\n" for line in lines)
    assert reader.counts["bytes_in"] == letter.offset + letter.length


def test_a_truncated_file_without_a_line_is_reported_still(read):
    _, _, letters = read(lzma.compress(b"text")[:20])
    assert [each.reason for each in letters] == ["stream:truncated"]


def test_a_json_record_too_long_for_memory_is_rejected_in_all_its_pieces(read):
    content = json.dumps({"text": "word " * 1_000}).encode() + b'\n{"text": "b"}\n'
    documents, reader, letters = read(content, "jsonl", max_document_bytes=2_000)
    assert documents == [[b"b"]]
    assert {each.reason for each in letters} == {"jsonl:too_long"}
    assert b"".join(each.content for each in letters) == content[: len(content) - 15]
    assert reader.counts["bytes_dead"] == len(content) - 15


HOSTILE = st.lists(
    st.sampled_from(
        [b"\n", b"\n\n", b"\r\n", b" ", b"a", b"\xff", b"\0", b"\xc3", "\u00a0".encode()]
    ),
    max_size=40,
).map(b"".join)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(HOSTILE, st.sampled_from(["blank_line", "line", "jsonl"]), st.integers(1, 25))
def test_ranges_give_the_documents_of_the_whole_file(read, content, layout, width):
    whole, reader, letters = read(content, layout)
    documents, counts, range_letters = [], type(reader.counts)(), []
    for start in range(0, len(content), width):
        part, part_reader, part_letters = read(content, layout, start, start + width)
        documents += part
        counts += part_reader.counts
        range_letters += part_letters
    assert documents == whole
    by_offset = operator.attrgetter("offset")
    assert sorted(range_letters, key=by_offset) == sorted(letters, key=by_offset)
    assert counts == +reader.counts


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(HOSTILE, st.sampled_from(LAYOUTS), st.booleans())
def test_every_byte_is_accounted_for(read, content, layout, is_compressed):
    packed = gzip.compress(content)[:-9] if is_compressed else content
    _, reader, letters = read(packed, layout)
    counts = reader.counts
    assert counts["bytes_in"] == sum(counts[f"bytes_{kind}"] for kind in ("ok", "blank", "dead"))
    assert counts["bytes_dead"] == sum(letter.length for letter in letters)
    assert is_compressed or counts["bytes_in"] == len(content)


def test_lone_surrogates_are_replaced_when_asked_and_pairs_are_characters(read):
    content = b'{"text": "a\\ud800b\\n\\udc00\\ud83d\\ude00\\udfff"}\n{"text": "c\\ud83d\\ude00"}\n'
    documents, reader, letters = read(content, "jsonl", replace_invalid=True)
    expected = [["a\ufffdb", "\ufffd\U0001f600\ufffd"], ["c\U0001f600"]]
    assert documents == [[line.encode() for line in document] for document in expected]
    assert (letters, reader.counts["lines_replaced"]) == ([], 1)
    assert reader.counts["bytes_dead"] == 0


XML = b"<mediawiki><page><revision><text>%s</text></revision></page></mediawiki>"


@pytest.mark.parametrize(
    ("layout", "content"),
    [
        ("blank_line", b"a \xff b\n"),
        ("file", b"a \xff b"),
        ("line", b"a \xff b\r"),
        ("jsonl", b'{"text": "a \xff b"}'),
        ("mediawiki", XML % b"a \xff b"),
    ],
)
def test_invalid_bytes_are_replaced_when_asked_in_every_layout(read, layout, content):
    documents, reader, letters = read(content, layout, replace_invalid=True)
    assert documents == [["a \ufffd b".encode()]]
    assert (letters, reader.counts["lines_replaced"]) == ([], 1)
    assert reader.counts["bytes_in"] == len(content)


@pytest.mark.parametrize("layout", ["blank_line", "file", "line", "jsonl"])
@pytest.mark.parametrize("is_compressed", [False, True])
def test_binary_content_is_one_reject_and_no_document(read, layout, is_compressed):
    content = bytes(range(256)) * 40
    packed = gzip.compress(content) if is_compressed else content
    documents, reader, letters = read(packed, layout)
    assert documents == []
    assert [(each.reason, each.length) for each in letters] == [("file:binary", len(content))]
    assert reader.counts["bytes_dead"] == reader.counts["bytes_in"] == len(content)
    assert is_compressed or read(packed, layout, 5_000, 9_000)[0::2] == ([], [])


def test_a_stream_lost_whole_counts_the_bytes_of_its_file(read):
    packed = lzma.compress(b"text" * 999)
    _, reader, letters = read(packed[:30] + b"\xff" * 500)
    assert [(each.reason, each.length, each.lost) for each in letters] == [
        ("stream:corrupt", 0, 530)
    ]
    assert reader.counts["bytes_lost"] == 530


def test_an_article_of_markup_alone_is_counted(read):
    documents, reader, _ = read(XML % b"{{stub}}\n[[Category:x]]", "mediawiki")
    assert (documents, reader.counts["pages_without_prose"]) == ([], 1)
