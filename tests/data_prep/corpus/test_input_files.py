import gzip
import os

import pyarrow
import pyarrow.parquet
import pytest

from data_prep.corpus.file_range import FileRange
from data_prep.corpus.input_files import InputFile, digest_of_files, find_input_files, plan_work


@pytest.fixture
def folder(tmp_path):
    for name, size in (("a.txt", 10), ("b.txt", 25), ("c.jsonl.gz", 5)):
        (tmp_path / name).write_bytes(b"x" * size)
    return tmp_path


def test_a_glob_finds_files_with_their_usual_layout(folder):
    found = find_input_files([f"{folder}/*"])
    assert [(os.path.basename(f.path), f.layout, f.size) for f in found] == [
        ("a.txt", "blank_line", 10),
        ("b.txt", "blank_line", 25),
        ("c.jsonl.gz", "jsonl", 5),
    ]


@pytest.mark.parametrize(
    ("name", "layout"),
    [
        ("a.jsonl", "jsonl"),
        ("a.ndjson.zst", "jsonl"),
        ("train-00000-of-00041.parquet", "parquet"),
        ("enwiki-20240101-pages-articles.xml.bz2", "mediawiki"),
        ("enwiki-pages-articles1.xml-p1p41242.bz2", "mediawiki"),
        ("a.xml.txt.gz", "blank_line"),
    ],
)
def test_the_name_tells_the_usual_layout(tmp_path, name, layout):
    (tmp_path / name).touch()
    assert find_input_files([f"{tmp_path}/{name}"])[0].layout == layout


def test_a_parquet_file_without_the_column_fails_before_the_job(tmp_path):
    path = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"body": ["x"]}), path)
    with pytest.raises(ValueError, match="a column 'text' of text"):
        planned(path, "parquet")


def test_a_glob_may_name_its_layout(folder):
    assert find_input_files([f"{folder}/a.txt::file"])[0].layout == "file"


def test_a_file_named_twice_is_read_once(folder):
    assert len(find_input_files([f"{folder}/a.txt", f"{folder}/*.txt"])) == 2


def test_two_layouts_for_one_file_are_refused(folder):
    with pytest.raises(ValueError, match="a.txt: expected one layout .* file and blank_line"):
        find_input_files([f"{folder}/a.txt::file", f"{folder}/*.txt"])


def test_an_unknown_layout_is_refused_with_the_known_ones(folder):
    with pytest.raises(ValueError, match="blank_line, file, .*mediawiki after '::', received 'x'"):
        find_input_files([f"{folder}/a.txt::x"])


def test_a_glob_of_nothing_is_refused_with_the_pattern(folder):
    with pytest.raises(FileNotFoundError, match=r"none\*.txt: .*nothing matches"):
        find_input_files([f"{folder}/none*.txt"])


@pytest.mark.parametrize("end", ["", "/"])
def test_a_folder_is_refused_with_the_glob_to_give(folder, end):
    with pytest.raises(FileNotFoundError, match=r"this is a folder.*[^/]/\*'"):
        find_input_files([f"{folder}{end}"])


def test_the_digest_depends_on_path_size_and_layout_not_on_order():
    a, b = InputFile("a", "line", 1), InputFile("b", "line", 2)
    digests = {digest_of_files(files) for files in ([a, b], [b, a])}
    assert len(digests) == 1
    for other in (InputFile("b", "line", 3), InputFile("b", "file", 2), InputFile("c", "line", 2)):
        assert digest_of_files([a, other]) not in digests


def planned(path, layout="blank_line", **limits):
    file = InputFile(str(path), layout, path.stat().st_size)
    return plan_work([file], **limits)


def test_a_large_plain_file_is_cut_into_ranges(folder):
    path = str(folder / "b.txt")
    units = planned(folder / "b.txt", range_bytes=10, unit_bytes=10)
    assert units == [
        [FileRange(path, "blank_line", 0, 10)],
        [FileRange(path, "blank_line", 10, 20)],
        [FileRange(path, "blank_line", 20, 25)],
    ]


def test_compressed_files_and_whole_file_documents_are_not_cut(folder):
    packed = folder / "d.txt"
    packed.write_bytes(gzip.compress(os.urandom(100)))
    assert planned(packed, range_bytes=10) == [[FileRange(str(packed), "blank_line")]]
    whole = folder / "b.txt"
    dump = FileRange(str(whole), "mediawiki")
    assert planned(whole, "mediawiki", range_bytes=10) == [[dump]]
    assert planned(whole, "file", range_bytes=10) == [[FileRange(str(whole), "file")]]


def test_small_files_are_joined(folder):
    units = plan_work(find_input_files([f"{folder}/*"]), unit_bytes=30)
    assert [len(unit) for unit in units] == [2, 1]


def test_a_file_that_cannot_be_opened_fails_before_the_job(folder):
    files = [InputFile(str(folder / "gone.txt"), "line", 1)]
    with pytest.raises(FileNotFoundError, match="gone.txt"):
        plan_work(files)
