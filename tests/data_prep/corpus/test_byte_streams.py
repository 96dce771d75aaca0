import bz2
import gzip
import lzma
import random

import pytest
import zstandard

from data_prep.corpus.byte_streams import CORRUPT, TRUNCATED, ByteStream, sniff

TEXT = b"".join(b"line %d of some text\n" % number for number in range(20_000))
NOISE = random.Random(0).randbytes(200_000)
COMPRESSORS = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lambda content: lzma.compress(content, preset=0),
    "zstd": zstandard.ZstdCompressor().compress,
}
formats = pytest.mark.parametrize("name", list(COMPRESSORS))


def read(tmp_path, content, name="file"):
    path = tmp_path / name
    path.write_bytes(content)
    stream = ByteStream(str(path))
    return b"".join(stream), stream


def test_plain_bytes_come_as_they_are(tmp_path):
    content, stream = read(tmp_path, TEXT)
    assert content == TEXT
    assert (stream.compressed, stream.error, stream.consumed) == (None, None, len(TEXT))


@formats
def test_compressed_bytes_are_known_by_content_whatever_the_suffix(tmp_path, name):
    content, stream = read(tmp_path, COMPRESSORS[name](TEXT), "file.txt")
    assert content == TEXT
    assert (stream.compressed, stream.error) == (name, None)


def test_plain_text_under_a_compressed_name_is_read_as_text(tmp_path):
    content, stream = read(tmp_path, TEXT, "file.gz")
    assert content == TEXT
    assert stream.error is None


@formats
def test_several_streams_in_one_file_are_all_read(tmp_path, name):
    content, stream = read(tmp_path, COMPRESSORS[name](TEXT) + COMPRESSORS[name](b"end"))
    assert content == TEXT + b"end"
    assert stream.error is None


@formats
def test_bytes_before_a_truncation_are_kept_and_it_is_reported(tmp_path, name):
    compressed = COMPRESSORS[name](NOISE)
    content, stream = read(tmp_path, compressed[: len(compressed) * 2 // 3])
    assert stream.error == TRUNCATED
    assert NOISE.startswith(content)
    assert name == "bzip2" or len(content) > 100_000


@formats
def test_a_stream_without_its_last_byte_is_reported(tmp_path, name):
    _, stream = read(tmp_path, COMPRESSORS[name](TEXT)[:-1])
    assert stream.error == TRUNCATED


@formats
def test_damage_in_the_middle_is_reported(tmp_path, name):
    compressed = bytearray(COMPRESSORS[name](TEXT * 4))
    middle = len(compressed) // 2
    compressed[middle : middle + 40] = bytes(40)
    content, stream = read(tmp_path, bytes(compressed))
    assert stream.error in (CORRUPT, TRUNCATED) or content != TEXT * 4


@formats
def test_a_file_cut_in_its_header_is_reported(tmp_path, name):
    _, stream = read(tmp_path, COMPRESSORS[name](TEXT)[:10])
    assert stream.error == TRUNCATED


def test_garbage_after_a_stream_is_reported(tmp_path):
    content, stream = read(tmp_path, gzip.compress(TEXT) + b"garbage")
    assert content == TEXT
    assert stream.error == CORRUPT


def test_zero_padding_after_a_stream_is_fine(tmp_path):
    content, stream = read(tmp_path, lzma.compress(TEXT) + bytes(512))
    assert content == TEXT
    assert stream.error is None


@pytest.mark.parametrize(
    ("name", "size", "largest"), [("gzip", 20_000_000, 1 << 18), ("zstd", 100_000_000, 1 << 26)]
)
def test_a_small_file_of_gigabytes_comes_in_bounded_pieces(tmp_path, name, size, largest):
    path = tmp_path / "bomb"
    path.write_bytes(COMPRESSORS[name](bytes(size)))
    sizes = [len(piece) for piece in ByteStream(str(path))]
    assert sum(sizes) == size
    assert max(sizes) <= largest


def test_prose_that_begins_like_bzip2_is_prose(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"BZh is how a bzip2 file begins\n")
    assert sniff(str(path)) is None


@pytest.mark.parametrize(("content", "expected"), [("hi".encode("utf-16"), True), (b"hi", False)])
def test_utf16_is_known_by_its_mark_also_when_compressed(tmp_path, content, expected):
    for packed in (content, gzip.compress(content)):
        (tmp_path / "file").write_bytes(packed)
        assert ByteStream(str(tmp_path / "file")).is_utf16() is expected
