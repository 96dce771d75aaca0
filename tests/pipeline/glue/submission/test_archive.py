"""The zip: complete or said not to be."""

import zipfile

import pytest

from pipeline.glue.submission import archive
from pipeline.glue.submission.majority import MAJORITY
from pipeline.glue.submission.validator import FORMATS, check_submission


def names_in(path):
    with zipfile.ZipFile(path) as file:
        return file.namelist()


def test_answers_are_numbered_from_0(tmp_path):
    archive.write_answers(str(tmp_path), "RTE", ["entailment", "not_entailment"])
    assert (tmp_path / "submission" / "RTE.tsv").read_bytes() == (
        b"index\tprediction\n0\tentailment\n1\tnot_entailment\n"
    )


def test_what_is_missing_is_named_and_the_zip_is_not_called_a_submission(tmp_path):
    for name in ("CoLA", "MNLI-mm"):
        archive.write_answers(str(tmp_path), name, ["0"])
    [line] = archive.write_archive(str(tmp_path), ["MNLI-mm", "CoLA"], fill=False)
    assert "NOT complete, 2 of 11 files; not answered: SST-2, MRPC, STS-B, QQP, MNLI-m," in line
    assert names_in(tmp_path / "submission_incomplete.zip") == ["CoLA.tsv", "MNLI-mm.tsv"]
    assert not (tmp_path / "submission.zip").exists()


def test_filling_up_says_so_and_passes_the_validator(tmp_path):
    archive.write_answers(str(tmp_path), "WNLI", ["1"] * 146)
    (tmp_path / "submission_incomplete.zip").write_text("of before")
    lines = archive.write_archive(str(tmp_path), ["WNLI"], fill=True)
    path = tmp_path / "submission.zip"
    assert check_submission(path) == []
    assert names_in(path) == list(FORMATS)
    assert len(lines) == 11
    assert lines[0].startswith("CoLA.tsv: not predicted by a model, 1 for every row")
    assert lines[-1].startswith(f"{path}: complete and checked, 11 files")
    assert not (tmp_path / "submission_incomplete.zip").exists()
    with zipfile.ZipFile(path) as file:
        assert file.read("WNLI.tsv").count(b"\t1\n") == 146  # answers of a model stay


def test_a_complete_zip_of_other_rows_is_warned_of(tmp_path):
    archive.write_answers(str(tmp_path), "WNLI", ["1"] * 7)
    lines = archive.write_archive(str(tmp_path), ["WNLI"], fill=True)
    path = tmp_path / "submission.zip"
    assert lines[-1] == f"WARNING {path}: WNLI.tsv: expected 146 rows, received 7"


def test_the_same_answers_give_the_same_bytes(tmp_path):
    contents = set()
    for _ in range(2):
        archive.write_answers(str(tmp_path), "RTE", ["entailment"])
        archive.write_archive(str(tmp_path), ["RTE"], fill=False)
        contents.add((tmp_path / "submission_incomplete.zip").read_bytes())
    assert len(contents) == 1


@pytest.mark.parametrize("name", MAJORITY)
def test_majority_answers_are_answers_of_the_format(name):
    answer, rows = MAJORITY[name]
    form = FORMATS[f"{name}.tsv"]
    assert rows == form.rows
    assert answer in form.answers if form.answers else 0 <= float(answer) <= 5
