import bz2
import gzip
import io
import os
import tarfile

import pyarrow
import pyarrow.parquet
import pytest

from data_prep import storage
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


OBJECTS = b'{"text": "The cat."}\n{"text": "A dog."}\n'


@pytest.mark.parametrize("name", ["a.json", "a.json.gz", "c4-train.00000-of-01024.json.gz", "a"])
def test_a_file_of_json_objects_is_json_lines_by_any_name(tmp_path, name):
    content = gzip.compress(OBJECTS) if name.endswith("gz") else OBJECTS
    (tmp_path / name).write_bytes(content)
    assert find_input_files([f"{tmp_path}/{name}"])[0].layout == "jsonl"


def test_a_named_layout_overrules_what_text_looks_like(tmp_path):
    for name, content in [("a", OBJECTS), ("b.html", b"<html>"), ("c.csv", b"id,text\n")]:
        (tmp_path / name).write_bytes(content)
        assert find_input_files([f"{tmp_path}/{name}::line"])[0].layout == "line"


def test_parquet_is_known_by_content_and_never_read_as_text(tmp_path):
    path = tmp_path / "rows.txt"
    pyarrow.parquet.write_table(pyarrow.table({"text": ["x"]}), path)
    assert find_input_files([str(path)])[0].layout == "parquet"
    with pytest.raises(ValueError, match="layout line, received Parquet. Name the layout parquet"):
        find_input_files([f"{path}::line"])
    (tmp_path / "rows.gz").write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(ValueError, match="compressed file with Parquet in it. Decompress it"):
        find_input_files([f"{tmp_path}/rows.gz"])


def test_a_dump_is_known_by_content(tmp_path):
    (tmp_path / "dump").write_bytes(bz2.compress(b"<mediawiki xml:lang='en'>\n</mediawiki>"))
    assert find_input_files([f"{tmp_path}/dump"])[0].layout == "mediawiki"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"%PDF-1.4\n", "a.txt: expected text, received PDF. Convert .* pdftotext"),
        ("a.txt", b"PK\x03\x04" + bytes(40), "received ZIP archive .*Extract the files in it"),
        (
            "a.html",
            b"<!doctype html>",
            "received HTML. .*without its markup, .*name a layout, such as --",
        ),
        ("a.csv", b"id,text\n1,cat\n", "received table .*Parquet.*::line"),
        ("a.json", b'[{"text": "x"}]', "received JSON, but not an object a line. .*jq"),
        ("a.xml", b"<?xml version='1.0'?><rss/>", "received XML that is no MediaWiki dump"),
        (
            "a.gz",
            gzip.compress(gzip.compress(b"x", mtime=0), mtime=0),
            "file compressed twice. Decompress it once",
        ),
    ],
)
def test_files_of_other_kinds_are_refused_with_what_to_do(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        find_input_files([f"{tmp_path}/*"])


@pytest.mark.parametrize("compress", [bytes, gzip.compress, bz2.compress])
def test_a_tar_archive_is_refused_by_its_name(tmp_path, compress):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.txt"))
    (tmp_path / "texts.tar").write_bytes(compress(stream.getvalue()))
    for layout in ("", "::line"):
        with pytest.raises(ValueError, match="received tar archive. Extract the files in it"):
            find_input_files([f"{tmp_path}/texts.tar{layout}"])


def test_an_existing_path_wins_over_its_reading_as_a_pattern(tmp_path):
    for name in ("y [1].txt", "y 1.txt", "a*.txt", "ab.txt", "x::y.txt"):
        (tmp_path / name).write_bytes(b"text")
        assert [file.path for file in find_input_files([f"{tmp_path}/{name}"])] == [
            f"{tmp_path}/{name}"
        ]
    found = find_input_files([f"{tmp_path}/y [1].txt::line"])
    assert [(file.path, file.layout) for file in found] == [(f"{tmp_path}/y [1].txt", "line")]


def test_existing_folders_win_over_their_reading_as_a_pattern(tmp_path):
    for folder in ("y [1]", "y 1"):
        (tmp_path / folder / "sub").mkdir(parents=True)
        (tmp_path / folder / "sub" / "a.txt").write_bytes(b"text")
    for pattern in ("y [1]/sub/*.txt", "y [1]/*/a.txt", "y [1]/**/*.txt"):
        found = find_input_files([f"{tmp_path}/{pattern}"])
        assert [file.path for file in found] == [f"{tmp_path}/y [1]/sub/a.txt"]
    # A folder of that name does not exist: then it is a pattern.
    assert len(find_input_files([f"{tmp_path}/y[ _]1/sub/*.txt"])) == 1
    assert len(find_input_files([f"{tmp_path}/y*/sub/*.txt"])) == 2


def test_a_relative_pattern_is_found(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_bytes(b"text")
    monkeypatch.chdir(tmp_path)
    assert [file.path for file in find_input_files(["*.txt"])] == [f"{tmp_path}/a.txt"]


def test_a_url_stays_the_pattern_it_was(monkeypatch):
    asked = []
    monkeypatch.setattr(storage, "list_files", lambda pattern: asked.append(pattern) or [])
    with pytest.raises(FileNotFoundError):
        find_input_files(["gs://bucket/y [1]*.txt"])
    assert asked == ["gs://bucket/y [1]*.txt"]
