import base64

import pyarrow
import pyarrow.parquet
import pytest

from data_prep.corpus.file_range import FileRange
from data_prep.corpus.parquet import ParquetTexts, check_column


@pytest.fixture
def write(tmp_path):
    """Returns `write(texts, type)`: a Parquet file of two rows a row group, its path."""

    def run(texts, kind=None, name="text"):
        path = tmp_path / "texts.parquet"
        table = pyarrow.table({"id": range(len(texts)), name: pyarrow.array(texts, kind)})
        pyarrow.parquet.write_table(table, path, row_group_size=2, use_dictionary=False)
        return path

    return run


def read(path, start=0, stop=None):
    letters = []
    reader = ParquetTexts(FileRange(str(path), "parquet", start, stop), reject=letters.append)
    texts = list(reader)
    counts = reader.counts
    assert counts["bytes_in"] == counts["bytes_ok"] + counts["bytes_dead"]
    assert counts["bytes_dead"] == sum(letter.length for letter in letters)
    return texts, [(each.reason, each.offset, each.content) for each in letters]


TEXTS = ["one", "two\nlines", "", "f\u00fcnf", "six"]


@pytest.mark.parametrize("kind", [pyarrow.string(), pyarrow.large_string(), pyarrow.binary()])
def test_the_texts_of_the_column_come_in_row_order(write, kind):
    texts = [text.encode() for text in TEXTS] if kind == pyarrow.binary() else TEXTS
    assert read(write(texts, kind)) == ([text.encode() for text in TEXTS], [])


def test_a_dictionary_column_is_text_too(write):
    kind = pyarrow.dictionary(pyarrow.int32(), pyarrow.string())
    path = write(pyarrow.array(TEXTS).dictionary_encode())
    check_column(str(path), "text")
    assert read(path)[0] == [text.encode() for text in TEXTS]
    assert kind == pyarrow.parquet.read_schema(path).field("text").type


def test_ranges_give_every_row_once(write):
    path = write(TEXTS)
    size = path.stat().st_size
    for width in (1, 50, 333):
        found = [
            text for start in range(0, size, width) for text in read(path, start, start + width)[0]
        ]
        assert found == [text.encode() for text in TEXTS]


def test_missing_and_broken_texts_are_rejected_with_their_row(write):
    texts, letters = read(write([b"one", None, b"b\xffd", b"four"], pyarrow.binary()))
    assert texts == [b"one", b"four"]
    assert letters == [("parquet:no_text", 1, b""), ("line:invalid_utf8", 2, b"b\xffd")]


def test_broken_text_is_replaced_when_asked(write):
    path = write([b"b\xffd"], pyarrow.binary())
    file_range = FileRange(str(path), "parquet")
    reader = ParquetTexts(file_range, reject=None, replace_invalid=True)
    assert list(reader) == ["b\ufffdd".encode()]
    assert (reader.counts["lines_replaced"], reader.counts["bytes_ok"]) == (1, 3)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no Parquet at all, but long enough to look"])
def test_a_file_that_cannot_be_read_is_rejected_as_a_whole(tmp_path, content):
    (tmp_path / "bad.parquet").write_bytes(content)
    check_column(str(tmp_path / "bad.parquet"), "text")
    assert read(tmp_path / "bad.parquet") == ([], [("parquet:unreadable", 0, content)])


def test_a_truncated_file_is_rejected_as_a_whole(write):
    path = write(TEXTS)
    path.write_bytes(path.read_bytes()[:-20])
    assert [reason for reason, _, _ in read(path)[1]] == ["parquet:unreadable"]


def test_a_file_whose_column_lost_its_name_to_damage_is_rejected_as_a_whole(write):
    path = write(["one"], name="body")
    assert [reason for reason, _, _ in read(path)[1]] == ["parquet:unreadable"]


def test_column_names_that_are_no_utf8_reject_the_file_and_not_the_job(write):
    path = write(["one"], name="name")
    path.write_bytes(path.read_bytes().replace(b"name", b"n\xffme"))
    check_column(str(path), "text")
    assert [reason for reason, _, _ in read(path)[1]] == ["parquet:unreadable"]


# Found by fuzzing: metadata of a column chunk over which pyarrow aborts the process, if it is read.
ABORTING = """
000000000Y6(%ed1Qh@k1{DSzG6E<EbZBKDV_|d{2Xts<AY);45fK0Y01-d}000030S5p80CZ?&AY);46#x|
$6&frR0u=xi1{DSzHUKCA{}=)P5fK0Y01GGr00031000330RI&P87wsb7zT4=Xk~3-6#@Vi3?%{>1axJ1bO0
6x87vtbCIB223>hT`02vqrbY*yS6#^Cn7IYSPCI~z>0w@P`Xk{Q{VRRS=bZBKDV_|d=5daw+6#x|g6#@V}77
iH(872Y(0000MbQT0A2o`t%85|}692E>1B?bT)7zA`>cytv476KMf7E~sH0X#MUC;|T%0sj#Z02v$=02Kfg0
suS~0vRS5CIA8e000(H76K-K0TxsM85|f4K~hprS2}ZJXk~3-7@z?!FE1}IGeJQ?K|xVLK|w)5K|xDFL3cqy
XF*0mL1#fjXF)+hK|w-7K|xJHK|w)7K|x7DK|w)6K|x7DK|w)6K|w)5K}A79K|xhPK|w)9K|xhPL1#fiXF*6
oL3cqxK|xVLLP0@6K|w)5K}AJHK|w)5LU%zyK|w`9K|w)5K|w)5K~X_LK|(NESZFXoK|w)5K~X_MK|w`9K|w
(P7$9(Aa&dKKbS-0Wa4lhSa&LDac4cyNX>V>IGBqwRE-@J#8~^|SmH_|&P(e~L
"""


def test_damaged_metadata_of_a_column_chunk_does_not_abort_the_process(tmp_path):
    path = tmp_path / "damaged.parquet"
    path.write_bytes(base64.b85decode(ABORTING.replace("\n", "")))
    texts, letters = read(path)
    assert texts == []
    assert {reason for reason, _, _ in letters} == {"parquet:corrupt_row_group"}


def test_a_damaged_row_group_is_rejected_alone(write):
    path = write(["a" * 99, "b" * 99, "c" * 99, "d" * 99, "e" * 99])
    column = pyarrow.parquet.ParquetFile(path).metadata.row_group(1).column(1)
    content = bytearray(path.read_bytes())
    begin = column.data_page_offset
    content[begin : begin + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    path.write_bytes(content)
    texts, letters = read(path)
    assert [text[:1] for text in texts] == [b"a", b"b", b"e"]
    assert letters == [("parquet:corrupt_row_group", 2, b"")]


@pytest.mark.parametrize(
    ("texts", "name", "received"), [(["a"], "body", "body .string"), ([1], "text", "text .int64")]
)
def test_a_column_that_is_missing_or_no_text_is_refused_with_the_columns(
    write, texts, name, received
):
    path = write(texts, name=name)
    with pytest.raises(ValueError, match=f"a column 'text' of text, .*{received}.*--text_field"):
        check_column(str(path), "text")


def text_columns():
    strings = pyarrow.array([*TEXTS, None])
    binary = pyarrow.array([*(text.encode() for text in TEXTS), None], pyarrow.binary())
    fixed = pyarrow.array([b"one", b"two", b"six", None], pyarrow.binary(3))
    columns = {
        "large_string": strings.cast(pyarrow.large_string()),
        "string_view": strings.cast(pyarrow.string_view()),
        "binary_view": binary.cast(pyarrow.binary_view()),
        "large_binary": binary.cast(pyarrow.large_binary()),
        "dictionary": strings.dictionary_encode(),
        "dictionary of large": strings.cast(pyarrow.large_string()).dictionary_encode(),
        "json": pyarrow.ExtensionArray.from_storage(pyarrow.json_(), strings),
        "json of large": pyarrow.ExtensionArray.from_storage(
            pyarrow.json_(pyarrow.large_string()), strings.cast(pyarrow.large_string())
        ),
        "fixed_size_binary": fixed,
    }
    return columns


@pytest.mark.parametrize("name", list(text_columns()))
@pytest.mark.parametrize("store_schema", [True, False])
def test_every_type_that_is_text_by_meaning_or_storage_is_read(tmp_path, name, store_schema):
    column = text_columns()[name]
    path = tmp_path / "texts.parquet"
    pyarrow.parquet.write_table(
        pyarrow.table({"text": column}), path, row_group_size=2, store_schema=store_schema
    )
    check_column(str(path), "text")
    texts, letters = read(path)
    expected = ["one", "two", "six"] if name == "fixed_size_binary" else TEXTS
    assert texts == [text.encode() for text in expected]
    assert letters == [("parquet:no_text", len(expected), b"")]


@pytest.mark.parametrize(
    "column",
    [
        pyarrow.array([["a"]]),
        pyarrow.array([1.5]),
        pyarrow.array([1]).dictionary_encode(),
        pyarrow.ExtensionArray.from_storage(
            pyarrow.uuid(), pyarrow.array([bytes(16)], pyarrow.binary(16))
        ),
    ],
)
def test_what_is_no_text_by_meaning_or_storage_is_refused(tmp_path, column):
    path = tmp_path / "texts.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"text": column}), path)
    with pytest.raises(ValueError, match="a column 'text' of text"):
        check_column(str(path), "text")


def test_a_row_without_text_weighs_its_part_of_the_file(write):
    path = write(["one", None, None, "four"])
    reader = ParquetTexts(FileRange(str(path), "parquet"), reject=lambda reject: None)
    list(reader)
    assert reader.counts["bytes_lost"] == 2 * (path.stat().st_size // 4)
