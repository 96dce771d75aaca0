"""Folders of a task, and what is read of them."""

import pytest

from pipeline.glue import reader
from pipeline.glue.tasks import TASKS

BY_NAME = {task.name: task for task in TASKS}


def test_a_task_is_read_from_its_two_files(tmp_path):
    folder = tmp_path / "SST-2"
    folder.mkdir()
    (folder / "train.tsv").write_bytes(b"sentence\tlabel\ngood\t1\nbad\t0\n")
    (folder / "dev.tsv").write_bytes(b"sentence\tlabel\nfine\t1\n")
    data = reader.read_task(BY_NAME["SST-2"], str(tmp_path))
    assert (data.train.texts, data.dev.texts) == ((["good", "bad"],), (["fine"],))
    assert data.note == ""


def test_a_missing_file_is_named_with_its_remedy(tmp_path):
    folder = tmp_path / "MRPC"
    folder.mkdir()
    with pytest.raises(FileNotFoundError, match=r"MRPC/train.tsv: .*msr_paraphrase_train.txt"):
        reader.read_task(BY_NAME["MRPC"], str(tmp_path))


def test_the_hash_tells_changed_files(tmp_path):
    folder = tmp_path / "SST-2"
    folder.mkdir()
    (folder / "train.tsv").write_bytes(b"sentence\tlabel\ngood\t1\n")
    hashes = set()
    for text in (b"fine", b"fine", b"poor"):
        (folder / "dev.tsv").write_bytes(b"sentence\tlabel\n" + text + b"\t1\n")
        hashes.add(reader.read_task(BY_NAME["SST-2"], str(tmp_path)).sha256)
    assert len(hashes) == 2


def test_qnli_without_train_splits_dev_by_question_and_says_so(tmp_path):
    folder = tmp_path / "QNLI"
    folder.mkdir()
    rows = [f"{i}\tquestion {i // 2}\tanswer {i}\tentailment\n" for i in range(40)]
    (folder / "dev.tsv").write_text("index\tquestion\tsentence\tlabel\n" + "".join(rows))
    data = reader.read_task(BY_NAME["QNLI"], str(tmp_path))
    again = reader.read_task(BY_NAME["QNLI"], str(tmp_path))
    assert (len(data.train), len(data.dev)) == (32, 8)
    assert not set(data.train.texts[0]) & set(data.dev.texts[0])
    assert data.train.texts == again.train.texts
    assert "seed 2019" in data.note and "not comparable" in data.note


def write(folder, name, columns, *rows):
    folder.mkdir(exist_ok=True, parents=True)
    lines = ["\t".join(columns), *("\t".join(row) for row in rows)]
    (folder / name).write_text("\n".join(lines) + "\n")


def make_mnli(folder):
    task = BY_NAME["MNLI"]

    def row(columns, premise, label):
        known = {"sentence1": premise, "sentence2": "h", "gold_label": label}
        return [known.get(column, "-") for column in columns]

    for name, columns, premise in (
        ("train.tsv", task.columns, "t"),
        ("dev_matched.tsv", task.dev_columns, "m"),
        ("dev_mismatched.tsv", task.dev_columns, "mm"),
        ("test_matched.tsv", task.test_columns, "test m"),
        ("test_mismatched.tsv", task.test_columns, "test mm"),
    ):
        write(folder / "MNLI", name, columns, row(columns, premise, "entailment"))


def test_mnli_has_two_dev_sets_and_two_tests(tmp_path):
    make_mnli(tmp_path)
    data = reader.read_task(BY_NAME["MNLI"], str(tmp_path))
    assert [examples.texts[0] for examples in data.dev_sets] == [["m"], ["mm"]]
    assert data.tests == {"MNLI-m": (["test m"], ["h"]), "MNLI-mm": (["test mm"], ["h"])}
    assert data.diagnostic is None


def test_mnli_without_its_mismatched_dev_set_is_an_error(tmp_path):
    make_mnli(tmp_path)
    (tmp_path / "MNLI" / "dev_mismatched.tsv").unlink()
    with pytest.raises(FileNotFoundError, match="dev_mismatched.tsv: file of task MNLI is missing"):
        reader.read_task(BY_NAME["MNLI"], str(tmp_path))


@pytest.mark.parametrize("name", ["AX", "diagnostic"])
def test_the_diagnostic_set_is_read_with_mnli(tmp_path, name):
    make_mnli(tmp_path)
    before = reader.read_task(BY_NAME["MNLI"], str(tmp_path)).sha256
    write(tmp_path / name, "diagnostic.tsv", ["index", "sentence1", "sentence2"], ["0", "a", "b"])
    data = reader.read_task(BY_NAME["MNLI"], str(tmp_path))
    assert data.tests["AX"] == (["a"], ["b"]) and data.diagnostic is None
    row = ["", "", "Negation", "", "News", "a", "b", "neutral"]
    write(tmp_path / name, "diagnostic-full.tsv", reader.AX.columns, row)
    data = reader.read_task(BY_NAME["MNLI"], str(tmp_path))
    assert data.diagnostic.texts == (["a"], ["b"])
    assert data.diagnostic.labels.tolist() == [BY_NAME["MNLI"].labels.index("neutral")]
    # A score on the dev sets does not depend on it.
    assert data.sha256 == before


def test_a_test_file_is_read_and_may_be_missing(tmp_path):
    write(tmp_path / "SST-2", "train.tsv", ["sentence", "label"], ["good", "1"])
    write(tmp_path / "SST-2", "dev.tsv", ["sentence", "label"], ["fine", "1"])
    assert reader.read_task(BY_NAME["SST-2"], str(tmp_path)).tests == {}
    write(tmp_path / "SST-2", "test.tsv", ["index", "sentence"], ["0", "poor"])
    assert reader.read_task(BY_NAME["SST-2"], str(tmp_path)).tests == {"SST-2": (["poor"],)}


def test_one_question_cannot_be_split_into_train_and_dev(tmp_path):
    columns = ["index", "question", "sentence", "label"]
    write(tmp_path / "QNLI", "dev.tsv", columns, ["0", "Why?", "So.", "entailment"])
    with pytest.raises(ValueError, match="expected at least 2 different texts in column question"):
        reader.read_task(BY_NAME["QNLI"], str(tmp_path))
