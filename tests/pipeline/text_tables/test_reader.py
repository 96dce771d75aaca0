"""Rows of TSV, JSON Lines and Parquet files, the bad ones with a reason."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.text_tables import kind_of, kind_to_write, read_rows, texts_of, write_result
from pipeline.text_tables.reject_file import reject_file, write_rejects


def test_tsv_has_a_header_and_no_quoting(tmp_path):
    path = tmp_path / "rows.tsv"
    path.write_bytes(b'\xef\xbb\xbfa\tb\r\n"x\ty"\r\nonly one\r\n\xff\t1\n')
    good, short, bytes_ = read_rows(path)
    assert good.values == {"a": '"x', "b": 'y"'}
    assert (short.number, short.reason) == (
        2,
        "expected 2 tab-separated columns (a, b), received 1",
    )
    assert short.text == "only one"
    assert bytes_.reason == "expected UTF-8, received byte 0xff at offset 0"


def test_jsonl_has_an_object_a_line(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": "one\\tcell"}\n[1]\n{broken\n')
    good, array, broken = read_rows(path)
    assert good.values == {"a": "one\tcell"}
    assert array.reason == "expected one JSON object, received a list"
    assert broken.reason.startswith("expected one JSON object, received a line that is none")


def test_parquet_rows_keep_their_values(tmp_path):
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"a": ["x", None], "n": [1, 2]}), path)
    assert [row.values for row in read_rows(path)] == [{"a": "x", "n": 1}, {"a": None, "n": 2}]


def test_a_file_cut_short_is_no_parquet_file(tmp_path):
    path = tmp_path / "rows.parquet"
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(ValueError, match=r"rows\.parquet: expected a Parquet file"):
        list(read_rows(path))


@pytest.mark.parametrize(
    ("content", "kind"), [(b"PAR1", "parquet"), (b'\n {"a": 1}', "jsonl"), (b"a\tb\n", "tsv")]
)
def test_without_a_known_ending_the_content_decides(tmp_path, content, kind):
    path = tmp_path / "data"
    path.write_bytes(content)
    assert kind_of(path) == kind


@pytest.mark.parametrize("header", [b"", b"a\ta\n"])
def test_a_header_without_names_or_with_one_twice_is_refused(tmp_path, header):
    path = tmp_path / "rows.tsv"
    path.write_bytes(header)
    with pytest.raises(ValueError, match="line 1: expected a header"):
        list(read_rows(path))


@pytest.mark.parametrize(
    ("value", "received"), [("", "an empty field"), (None, "None"), (3, "3"), (["x"], "\\['x'\\]")]
)
def test_what_is_no_text_is_refused(tmp_path, value, received):
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"a": value}) + "\n")
    (row,) = read_rows(path)
    with pytest.raises(ValueError, match=f"expected text in column a, received {received}"):
        texts_of(row, ["a"])


@pytest.mark.parametrize("kind", ["tsv", "jsonl", "parquet"])
def test_what_is_written_is_read(tmp_path, kind):
    path = tmp_path / f"out.{kind}"
    columns = {"row": [1, 2], "label": ["ja", "nein"], "probability": [0.5, 0.25]}
    write_result(path, kind, columns, [])
    rows = [row.values for row in read_rows(path)]
    as_is = rows if kind != "tsv" else [{**row, "row": int(row["row"])} for row in rows]
    assert [(row["row"], row["label"]) for row in as_is] == [(1, "ja"), (2, "nein")]
    assert [float(row["probability"]) for row in as_is] == [0.5, 0.25]


def test_rejects_of_an_earlier_call_do_not_stay(tmp_path):
    output = str(tmp_path / "out.tsv")
    (tmp_path / "rows.jsonl").write_text("no\n")
    (row,) = read_rows(tmp_path / "rows.jsonl")
    write_rejects(output, [(row, row.reason)])
    saved = json.loads((tmp_path / "out.tsv.rejects.jsonl").read_text())
    assert (saved["row"], saved["text"]) == (1, "no")
    write_rejects(output, [])
    assert not (tmp_path / "out.tsv.rejects.jsonl").exists()
    assert reject_file(output) == f"{output}.rejects.jsonl"


def test_a_line_nested_beyond_reading_and_half_a_character_are_bad_rows(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("[" * 100_000 + '\n{"text": "\\ud800 cat"}\n')
    nested, half = read_rows(path)
    assert nested.reason.startswith("expected one JSON object, received a line that is none")
    with pytest.raises(ValueError, match="column text, received half of a pair"):
        texts_of(half, ["text"])
    write_rejects(str(tmp_path / "out"), [(nested, nested.reason), (half, "half")])
    assert "\\ud800 cat" in (tmp_path / "out.rejects.jsonl").read_text()


def test_a_parquet_file_with_damaged_data_is_named(tmp_path):
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"text": [f"a film of {i}" for i in range(300)]}), path)
    content = bytearray(path.read_bytes())
    content[4:400] = b"\xff" * 396
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"rows\.parquet: expected a Parquet file"):
        list(read_rows(path))


def test_what_is_read_is_never_written_over(tmp_path):
    path = tmp_path / "rows.tsv"
    path.write_text("text\nthe cat\n")
    (tmp_path / "link.tsv").symlink_to(path)
    with pytest.raises(ValueError, match="expected another file than --input"):
        kind_to_write(tmp_path / "link.tsv", source=path)
    with pytest.raises(ValueError, match="expected a name that ends with .tsv"):
        kind_to_write(tmp_path / "rows.txt", source=path)
    (tmp_path / "folder.tsv").mkdir()
    with pytest.raises(OSError, match="received a folder"):
        kind_to_write(tmp_path / "folder.tsv", source=path)
    with pytest.raises(OSError, match="received a file in .*nowhere"):
        kind_to_write(tmp_path / "nowhere" / "rows.tsv", source=path)
