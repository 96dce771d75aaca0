"""What must hold of reading any bytes in any layout, for the property tests and the fuzzer."""

import collections
import itertools

from data_prep.corpus.byte_streams import ByteStream
from data_prep.corpus.documents import DocumentReader
from data_prep.corpus.file_range import FileRange

TEXT_LAYOUTS = ("blank_line", "file", "line", "jsonl")


def check_reading(path, layout, **limits):
    """Reads a file and checks all that must hold; returns its documents and rejects."""
    letters = []
    reader = DocumentReader(FileRange(str(path), layout), reject=letters.append, **limits)
    documents = list(reader)
    counts = reader.counts
    check_balance(counts, letters)
    check_documents(documents, layout, limits.get("max_line_bytes"))
    if layout != "parquet":
        stream = ByteStream(str(path))
        content = b"".join(stream)
        assert counts["bytes_in"] == len(content)
        assert bool(letters) >= bool(stream.error)
        check_letters(letters, content)
    assert counts["documents"] == len(documents)
    return documents, letters


def check_balance(counts, letters):
    assert all(count >= 0 for count in counts.values())
    assert counts["bytes_in"] == sum(counts[f"bytes_{kind}"] for kind in ("ok", "blank", "dead"))
    assert counts["bytes_dead"] == sum(letter.length for letter in letters)


def check_documents(documents, layout, max_line_bytes):
    for line in itertools.chain.from_iterable(documents):
        assert line.strip() and b"\n" not in line and b"\0" not in line
        line.decode("utf-8")
        # U+FFFD in place of a bad byte makes a line longer, three bytes for one.
        assert layout not in ("blank_line", "file", "line") or len(line) <= 3 * max_line_bytes


def check_letters(letters, content):
    """Every letter gives its bytes by its place, and no byte is rejected twice."""
    end = 0
    for letter in sorted(letters, key=lambda each: (each.offset, each.length)):
        assert letter.offset >= end and letter.length >= 0
        end = letter.offset + letter.length
        assert end <= len(content)
        assert content[letter.offset : end].startswith(letter.content)
        letter.to_json()


def check_ranges(path, layout, width, size, **limits):
    """Reads a plain file range by range: the same documents, letters and counts as the whole."""
    whole_letters, letters, documents = [], [], []
    whole = DocumentReader(FileRange(str(path), layout), reject=whole_letters.append, **limits)
    whole_documents = list(whole)
    counts = collections.Counter()
    for start in range(0, size, width):
        file_range = FileRange(str(path), layout, start, start + width)
        part = DocumentReader(file_range, reject=letters.append, **limits)
        documents += list(part)
        counts += part.counts
    assert documents == whole_documents
    assert sorted(map(repr, letters)) == sorted(map(repr, whole_letters))
    assert counts == +whole.counts
