"""Zips, good and bad, and what the validator says of them."""

import random
import zipfile

import pytest

from pipeline.glue.submission import validator
from pipeline.glue.submission.validator import FileFormat, check_submission

SMALL = {
    "CoLA.tsv": FileFormat(2, ("0", "1")),
    "STS-B.tsv": FileFormat(2),
    "AX.tsv": FileFormat(1, ("entailment", "neutral", "contradiction")),
}
GOOD = {
    "CoLA.tsv": "index\tprediction\n0\t1\n1\t0\n",
    "STS-B.tsv": "index\tprediction\n0\t0.000\n1\t5\n",
    "AX.tsv": "index\tprediction\n0\tneutral\n",
}


def check(tmp_path, files):
    path = tmp_path / "submission.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return check_submission(path, SMALL)


def test_a_good_zip_has_no_problems(tmp_path):
    assert check(tmp_path, GOOD) == []


def test_a_missing_last_line_feed_is_fine(tmp_path):
    assert check(tmp_path, GOOD | {"AX.tsv": GOOD["AX.tsv"].rstrip()}) == []


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        (
            "CoLA.tsv",
            "Index\tprediction\n0\t1\n1\t0\n",
            ", line 1: expected index<TAB>prediction, received 'Index\\tprediction'",
        ),
        ("CoLA.tsv", "index\tprediction\n0\t1\n", ": expected 2 rows, received 1"),
        (
            "CoLA.tsv",
            "index\tprediction\n0\t1\n1\t0\n\n",
            ": expected 2 rows, received 3",
        ),
        (
            "CoLA.tsv",
            "index\tprediction\n1\t1\n1\t0\n",
            ", line 2: expected index 0, received '1'",
        ),
        (
            "CoLA.tsv",
            "index\tprediction\n0\t1\n1\tacceptable\n",
            ", line 3: expected one of 0, 1, received 'acceptable'",
        ),
        (
            "CoLA.tsv",
            "index\tprediction\r\n0\t1\r\n1\t0\r\n",
            ", line 1: expected index<TAB>prediction, received 'index\\tprediction\\r'",
        ),
        (
            "CoLA.tsv",
            "index\tprediction\n0 1\n1\t0\n",
            ", line 2: expected 2 tab-separated columns, received 1: '0 1'",
        ),
        (
            "AX.tsv",
            "index\tprediction\n0\tNeutral\n",
            ", line 2: expected one of entailment, neutral, contradiction, received 'Neutral'",
        ),
        ("AX.tsv", "", ", line 1: expected index<TAB>prediction, received ''"),
        ("AX.tsv", b"\xff", ": expected UTF-8, received byte 0xff"),
    ],
)
def test_a_bad_file_is_named_with_line_expected_and_received(tmp_path, name, content, problem):
    assert f"{name}{problem}" in check(tmp_path, GOOD | {name: content})


@pytest.mark.parametrize("score", ["5.001", "-0.1", "nan", "inf", "1e0", " 1", "1_0", "", "\u0663"])
def test_a_score_is_a_plain_number_from_0_to_5(tmp_path, score):
    content = f"index\tprediction\n0\t{score}\n1\t1.0\n"
    [problem] = check(tmp_path, GOOD | {"STS-B.tsv": content})
    assert problem == f"STS-B.tsv, line 2: expected a number from 0 to 5, received {score!r}"


def test_a_missing_file_is_named(tmp_path):
    del (files := dict(GOOD))["AX.tsv"]
    assert check(tmp_path, files) == ["AX.tsv: expected one file, received none"]


@pytest.mark.parametrize("name", ["cola.tsv", "submission/CoLA.tsv", "../CoLA.tsv", "/notes.txt"])
def test_a_file_of_another_name_is_refused_and_never_written(tmp_path, name):
    [problem] = check(tmp_path, GOOD | {name: GOOD["CoLA.tsv"]})
    assert problem.startswith(f"{name}: expected one of CoLA.tsv, STS-B.tsv, AX.tsv at the top")
    assert [path.name for path in tmp_path.iterdir()] == ["submission.zip"]


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_two_files_of_one_name_are_refused(tmp_path):
    check(tmp_path, GOOD)
    path = tmp_path / "submission.zip"
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("AX.tsv", GOOD["AX.tsv"])
    assert check_submission(path, SMALL) == ["AX.tsv: expected one file, received 2 of this name"]


def test_many_problems_of_a_file_are_counted(tmp_path):
    content = "index\tprediction\n" + "x\n" * 50
    problems = check(tmp_path, GOOD | {"CoLA.tsv": content})
    assert len(problems) == 4
    assert problems[-1] == "CoLA.tsv: 48 more lines are wrong"


def test_a_file_that_unpacks_to_too_much_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(validator, "_MAX_BYTES", 1000)
    [problem] = check(tmp_path, GOOD | {"CoLA.tsv": "0" * 10**6})
    assert problem == "CoLA.tsv: expected at most 1,000 bytes, received more"


def test_a_damaged_file_is_named(tmp_path):
    check(tmp_path, GOOD)
    path = tmp_path / "submission.zip"
    content = bytearray(path.read_bytes())
    content[45] ^= 0xFF  # within the packed bytes of the first file
    path.write_bytes(content)
    [problem] = check_submission(path, SMALL)
    assert problem.startswith("CoLA.tsv: expected a file that can be unpacked, received")


def test_what_is_no_zip_or_not_there_is_an_error(tmp_path):
    (tmp_path / "text.zip").write_text("no zip")
    with pytest.raises(ValueError, match="text.zip: expected a zip with a submission"):
        check_submission(tmp_path / "text.zip")
    with pytest.raises(ValueError, match="expected a zip with a submission"):
        check_submission(tmp_path)
    with pytest.raises(FileNotFoundError, match="none.zip: expected a zip with a submission"):
        check_submission(tmp_path / "none.zip")


def test_the_official_test_sets_have_426_thousand_rows():
    rows = [form.rows for form in validator.FORMATS.values()]
    assert (len(rows), sum(rows)) == (11, 426_309)


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_no_damage_to_a_zip_is_a_traceback(tmp_path, method):
    path = tmp_path / "submission.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in GOOD.items():
            archive.writestr(name, content)
    good, rng = path.read_bytes(), random.Random(0)
    for _ in range(300):
        damaged = bytearray(good)
        damaged[rng.randrange(len(good))] = rng.randrange(256)
        damaged = damaged[: rng.randrange(len(good))] if rng.random() < 0.2 else damaged
        path.write_bytes(damaged)
        try:
            check_submission(path, SMALL)
        except ValueError as error:
            assert f"{path}: expected a zip" in str(error)
