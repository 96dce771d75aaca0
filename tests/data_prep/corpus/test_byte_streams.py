import bz2
import gzip
import lzma
import random

import pytest
import zstandard

from data_prep.corpus.byte_streams import (
    CORRUPT,
    TOO_LARGE_WINDOW,
    TRUNCATED,
    ByteStream,
    sniff,
)

TEXT = b"".join(b"line %d of some text\n" % number for number in range(20_000))
NOISE = random.Random(0).randbytes(200_000)
COMPRESSORS = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lambda content: lzma.compress(content, preset=0),
    "lzma": lambda content: lzma.compress(content, lzma.FORMAT_ALONE, preset=0),
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
    length = 14 if name == "lzma" else 10  # lzma has no magic number: its header must be whole
    _, stream = read(tmp_path, COMPRESSORS[name](TEXT)[:length])
    assert stream.error == TRUNCATED
    assert stream.lost == length


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


def test_the_beginning_of_a_file_is_decompressed_and_bounded(tmp_path):
    for content in (TEXT, gzip.compress(TEXT)):
        (tmp_path / "file").write_bytes(content)
        assert ByteStream(str(tmp_path / "file")).beginning() == TEXT[:65_536]


def skippable(content=b"anything", number=0):
    """A skippable frame: one of sixteen magic numbers, length, content (RFC 8878, 3.1.2)."""
    return (
        (0x184D2A50 + number).to_bytes(4, "little") + len(content).to_bytes(4, "little") + content
    )


def zstd_frame(content, window_log):
    """A frame of one raw block whose header asks for a window of 2**window_log bytes."""
    header = b"\x28\xb5\x2f\xfd" + bytes([0, (window_log - 10) << 3])
    return header + (len(content) << 3 | 1).to_bytes(3, "little") + content


@pytest.mark.parametrize("number", [0, 10, 15])
def test_skippable_frames_before_between_and_after_others_hold_no_text(tmp_path, number):
    zstd = COMPRESSORS["zstd"]
    empty, large = skippable(b"", number), skippable(NOISE * 2, number)
    file = empty + large + zstd(TEXT) + large + empty + zstd(b"end") + large
    content, stream = read(tmp_path, file)
    assert content == TEXT + b"end"
    assert (stream.compressed, stream.error, stream.lost) == ("zstd", None, 0)


def test_a_file_of_skippable_frames_alone_is_empty(tmp_path):
    content, stream = read(tmp_path, skippable() * 3)
    assert (content, stream.compressed, stream.error) == (b"", "zstd", None)


@pytest.mark.parametrize("window_log", [28, 29, 30, 31])
def test_long_windows_are_read(tmp_path, window_log):
    content, stream = read(tmp_path, zstd_frame(b"some text\n", window_log))
    assert (content, stream.error) == (b"some text\n", None)


def test_a_window_beyond_the_bound_is_refused_by_its_name(tmp_path):
    file = COMPRESSORS["zstd"](TEXT) + zstd_frame(b"some text\n", 32)
    content, stream = read(tmp_path, file)
    assert (content, stream.error) == (TEXT, TOO_LARGE_WINDOW)
    assert stream.lost >= len(zstd_frame(b"some text\n", 32))


def test_an_lzma_window_beyond_the_bound_is_refused_by_its_name(tmp_path):
    file = bytearray(COMPRESSORS["lzma"](TEXT))
    file[1:5] = (3 << 30).to_bytes(4, "little")
    assert read(tmp_path, bytes(file))[1].error == TOO_LARGE_WINDOW


@formats
def test_many_members_and_padding_are_read(tmp_path, name):
    parts = [b"part %d\n" % number for number in range(300)]
    file = b"".join(COMPRESSORS[name](part) + bytes(4) for part in parts)
    content, stream = read(tmp_path, file)
    assert (content, stream.error) == (b"".join(parts), None)


@formats
def test_a_stream_that_is_lost_whole_weighs_its_file(tmp_path, name):
    file = COMPRESSORS[name](b"")[:14] + NOISE
    content, stream = read(tmp_path, file)
    # Garbage may be taken for an empty stream, and for text before the damage is found.
    assert stream.error in (CORRUPT, TRUNCATED)
    assert stream.lost >= len(file) - len(content) - 16_384


def test_damage_weighs_the_bytes_from_there_to_the_end(tmp_path):
    content, stream = read(tmp_path, gzip.compress(NOISE) + b"x" * 50_000)
    assert (content, stream.error, stream.lost) == (NOISE, CORRUPT, 50_000)


def test_a_whole_stream_weighs_nothing_and_one_without_its_end_at_least_a_byte(tmp_path):
    assert read(tmp_path, gzip.compress(TEXT))[1].lost == 0
    assert read(tmp_path, gzip.compress(TEXT)[:-1])[1].lost >= 1
