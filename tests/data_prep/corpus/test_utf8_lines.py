from data_prep.corpus.file_range import FileRange
from data_prep.corpus.utf8_lines import LineCleaner


def clean(tmp_path, content, **kwargs):
    path = tmp_path / "input"
    path.write_bytes(content)
    letters = []
    cleaner = LineCleaner(
        FileRange(str(path), "line", **kwargs), max_line_bytes=100, reject=letters.append
    )
    return [line for block in cleaner for line in block.lines], cleaner.counts, letters


def test_blank_lines_are_empty_and_rejected_ones_are_none(tmp_path):
    lines, _, _ = clean(tmp_path, b"a\n \t\n\xff\nb\r\n")
    assert lines == [b"a", b"", None, b"b"]


def test_a_byte_order_mark_is_dropped_at_the_beginning_only(tmp_path):
    mark = "\ufeff".encode()
    assert clean(tmp_path, mark + b"a\n" + mark + b"b")[0] == [b"a", mark + b"b"]


def test_a_rejected_line_can_be_recovered_byte_for_byte(tmp_path):
    content = b"good\nb\xffd\0\r\ngood\n"
    _, _, (letter,) = clean(tmp_path, content)
    assert content[letter.offset : letter.offset + letter.length] == letter.content == b"b\xffd\0\r"


def test_the_range_at_the_beginning_speaks_for_a_refused_file(tmp_path):
    content = "text".encode("utf-16")
    assert len(clean(tmp_path, content, start=0, stop=4)[2]) == 1
    assert clean(tmp_path, content, start=4, stop=10)[2] == []


def test_invalid_bytes_are_replaced_when_asked_and_counted(tmp_path):
    (tmp_path / "input").write_bytes(b"good\nb\xffd\n\xe4\xbd")
    cleaner = LineCleaner(
        FileRange(str(tmp_path / "input"), "line"),
        max_line_bytes=100,
        reject=None,
        replace_invalid=True,
    )
    lines = [line for block in cleaner for line in block.lines]
    assert lines == [b"good", "b\ufffdd".encode(), "\ufffd".encode()]
    assert (cleaner.counts["lines_replaced"], cleaner.counts["bytes_ok"]) == (2, 11)
