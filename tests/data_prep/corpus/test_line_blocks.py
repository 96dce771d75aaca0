import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.corpus.line_blocks import (
    LineBlock,
    from_next_blank,
    from_next_line,
    is_blank,
    read_lines,
    until,
    with_line_feeds,
)

TEXT = st.binary(max_size=60).map(
    lambda content: bytes(b"\n\n a\xc3\xa9"[each % 6] for each in content)
)


def in_pieces(content, size):
    return [content[begin : begin + size] for begin in range(0, len(content), size)]


def raw_lines(blocks):
    """Returns (offset, line) of every line that is no piece."""
    return [
        (offset, line)
        for block in blocks
        for offset, line in zip(block.offsets(), block.lines, strict=False)
    ]


def test_offsets_tell_where_lines_begin_and_end():
    block = LineBlock(10, [b"ab", b"", b"c"], 6)
    assert block.offsets() == [10, 13, 14, 16]
    assert block.cut(1, 3) == LineBlock(13, [b"", b"c"], 3)


@given(TEXT, st.integers(1, 9))
def test_lines_do_not_depend_on_how_the_bytes_come(content, size):
    lines = [line for _, line in raw_lines(read_lines(in_pieces(content, size)))]
    expected = content.split(b"\n")
    assert lines == (expected if expected[-1] else expected[:-1])


@given(TEXT, st.integers(1, 9), st.integers(4, 12))
def test_cuts_do_not_depend_on_how_the_bytes_come(content, size, limit):
    blocks = read_lines(in_pieces(content, size), max_line_bytes=limit)
    assert raw_lines(blocks) == raw_lines(read_lines([content], max_line_bytes=limit))


@given(TEXT, st.integers(1, 9), st.integers(4, 12))
def test_pieces_of_long_lines_join_to_the_whole(content, size, limit):
    blocks = list(read_lines(in_pieces(content, size), max_line_bytes=limit))
    joined = b"".join(
        b"\n".join(block.lines) + b"\n" * (block.size - len(b"\n".join(block.lines)))
        for block in blocks
    )
    assert joined == content
    assert all(len(line) <= limit for block in blocks for line in block.lines)


def test_long_lines_are_cut_at_a_space():
    blocks = list(read_lines([b"one two three"], max_line_bytes=9))
    assert [block.lines for block in blocks] == [[b"one two "], [b"three"]]
    assert [block.continues for block in blocks] == [True, False]


def test_a_cut_never_falls_into_a_character():
    blocks = list(read_lines(["\u00e9\u00e9\u00e9\u00e9".encode()], max_line_bytes=5))
    assert [line.decode() for block in blocks for line in block.lines] == ["\u00e9\u00e9"] * 2


def test_bytes_that_only_continue_characters_are_cut_at_the_limit():
    blocks = list(read_lines([b"\xc3" + b"\x80" * 8], max_line_bytes=4))
    assert [len(line) for block in blocks for line in block.lines] == [4, 4, 1]


@given(TEXT, st.integers(1, 7), st.integers(1, 30), st.booleans(), st.integers(5, 60))
def test_ranges_together_hold_every_line_once(content, size, width, at_blank, limit):
    def whole():
        return read_lines(in_pieces(content, size), max_line_bytes=limit)

    found = []
    for start in range(0, len(content), width):
        before = max(0, start - 1)
        blocks = read_lines(in_pieces(content[before:], size), offset=before, max_line_bytes=limit)
        if start:
            blocks = from_next_line(blocks)
            blocks = from_next_blank(blocks) if at_blank else blocks
        found += raw_lines(until(blocks, start + width, at_blank=at_blank))
    assert found == raw_lines(whole())


def test_a_blank_piece_of_a_long_line_is_no_blank_line():
    """A range that began there would read again what the range before reads to its end."""
    blocks = from_next_blank(read_lines([b"bb      cc\n\ndd"], max_line_bytes=4))
    assert raw_lines(blocks) == [(11, b""), (12, b"dd")]


@pytest.mark.parametrize("line", [b"", b" \t\r", b"\0\0", "\u00a0\u3000".encode(), b"\v\f"])
def test_white_space_of_any_kind_is_blank(line):
    assert is_blank(line)


@pytest.mark.parametrize("line", [b"a", b" a ", "\u00e9".encode(), b"\xff", b"\xa0"])
def test_anything_else_is_not_blank(line):
    assert not is_blank(line)


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"a\rb\rc", [b"a", b"b", b"c"]),
        (b"a\r\r\rb\r", [b"a", b"", b"", b"b"]),
        (b"a\r\nb\r\n", [b"a\r", b"b\r"]),
        (b"a\r\r\nb", [b"a\r\r", b"b"]),
        (b"a\rb\r\nc\nd", [b"a", b"b\r", b"c", b"d"]),
        (b"\r", [b""]),
        (b"", []),
    ],
)
def test_a_carriage_return_alone_ends_a_line_and_one_before_a_line_feed_ends_it_once(
    content, lines
):
    for size in (1, 2, 3, 99):
        blocks = read_lines(with_line_feeds(in_pieces(content, size)))
        assert [line for _, line in raw_lines(blocks)] == lines


CARRIAGE_RETURNS = st.binary(max_size=40).map(
    lambda content: bytes(b"\r\r\na"[each % 4] for each in content)
)


@given(CARRIAGE_RETURNS, st.integers(1, 9), st.integers(0, 40))
def test_carriage_returns_are_read_alike_in_pieces_and_from_any_byte_on(content, size, start):
    whole = b"".join(with_line_feeds([content]))
    assert len(whole) == len(content)
    assert b"".join(with_line_feeds(in_pieces(content[start:], size))) == whole[start:]


def test_a_file_of_carriage_returns_is_read_in_linear_time_and_bounded_pieces():
    pieces = list(with_line_feeds([b"\r" * (1 << 18)] * 40 + [b"\n"]))
    assert max(map(len, pieces)) <= 1 << 18
    assert b"".join(pieces) == b"\r" * (40 << 18) + b"\n"
