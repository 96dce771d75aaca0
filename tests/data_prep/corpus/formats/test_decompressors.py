import bz2
import gzip
import lzma

import pytest
import zstandard

from data_prep.corpus.formats.decompressors import compression_of, new_member

LZMA = b"\x5d\x00\x00\x80\x00" + b"\xff" * 8 + b"\x00\x18\x82"


@pytest.mark.parametrize(
    ("begin", "expected"),
    [
        (gzip.compress(b"", mtime=0), "gzip"),
        (bz2.compress(b"a"), "bzip2"),
        (bz2.compress(b""), "bzip2"),
        (b"BZh91AY", "bzip2"),  # a file cut in its header
        (lzma.compress(b""), "xz"),
        (zstandard.compress(b"a"), "zstd"),
        (b"\x50\x2a\x4d\x18\x04\x00\x00\x00", "zstd"),
        (b"\x5f\x2a\x4d\x18\x04\x00\x00\x00", "zstd"),
        (LZMA, "lzma"),
        (lzma.compress(b"a", lzma.FORMAT_ALONE, preset=9), "lzma"),
        (lzma.compress(b"a", lzma.FORMAT_ALONE, preset=0), "lzma"),
        (LZMA[:5] + (99).to_bytes(8, "little") + LZMA[13:], "lzma"),  # the size is known
        (LZMA[:1] + (3 << 19).to_bytes(4, "little") + LZMA[5:], "lzma"),  # the window is 1.5 MiB
    ],
)
def test_the_format_follows_from_the_first_bytes(begin, expected):
    assert compression_of(begin[:16]) == expected


@pytest.mark.parametrize(
    "begin",
    [
        b"",
        b"some text in here",
        b"BZh is how bzip2 begins",
        b"BZh9 is how bzip2 begins",
        b"\x4f\x2a\x4d\x18\x04\x00\x00\x00",
        b"\x60\x2a\x4d\x18\x04\x00\x00\x00",
        LZMA[:13],  # the header must be whole
        LZMA[:13] + b"\x01\x18\x82",  # a range coder begins with zero
        LZMA[:1] + (5 << 19).to_bytes(4, "little") + LZMA[5:],  # no size of a window
        LZMA[:5] + (1 << 40).to_bytes(8, "little") + LZMA[13:],  # no size of a file
        b"\xe1" + LZMA[1:],  # no properties
        bytes(16),
        b"] text text text text",
    ],
)
def test_anything_else_is_not_compressed(begin):
    assert compression_of(begin[:16]) is None


def test_a_member_ends_and_leaves_what_follows():
    member = new_member("gzip")
    data = b"".join(member.decompress(gzip.compress(b"text") + b"next"))
    assert (data, member.ended, member.unused) == (b"text", True, b"next")
