"""A user's task: a YAML and files in any of three formats."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.glue.own_task import read_own_task

ROWS = [{"review": f"film {i}", "stars": "no" if i % 2 else "yes"} for i in range(10)]


def write_jsonl(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def task_file(tmp_path):
    """Returns `make(**changes)`: the path of a YAML, next to a train.jsonl and a dev.jsonl."""
    write_jsonl(tmp_path / "train.jsonl", ROWS)
    write_jsonl(tmp_path / "dev.jsonl", ROWS[:4])

    def make(**changes):
        content = {
            "train": "train.jsonl",
            "dev": "dev.jsonl",
            "text_columns": "[review]",
            "label_column": "stars",
            "labels": "[no, yes]",
        } | changes
        lines = [f"{key}: {value}" for key, value in content.items() if value is not None]
        (tmp_path / "stars.yaml").write_text("\n".join(lines) + "\n")
        return str(tmp_path / "stars.yaml")

    return make


def test_columns_labels_and_files_are_those_of_the_yaml(task_file):
    task, data = read_own_task(task_file())
    assert (task.name, task.labels, task.metrics) == ("stars", ("no", "yes"), ("accuracy",))
    assert task.text_columns == ("review",) and task.num_train_epochs == 3.0
    assert data.train.texts[0][:2] == ["film 0", "film 1"]
    assert data.train.labels.tolist() == [1, 0] * 5
    assert (len(data.dev), data.note, data.rejects) == (4, "", ())


@pytest.mark.parametrize("kind", ["tsv", "parquet"])
def test_other_formats_give_the_same_examples(task_file, tmp_path, kind):
    if kind == "tsv":
        lines = ["review\tstars", *(f"{row['review']}\t{row['stars']}" for row in ROWS)]
        (tmp_path / "train.tsv").write_text("\n".join(lines) + "\n")
    else:
        pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "train.parquet")
    _, of_jsonl = read_own_task(task_file())
    _, data = read_own_task(task_file(train=f"train.{kind}"))
    assert data.train.texts == of_jsonl.train.texts
    np.testing.assert_array_equal(data.train.labels, of_jsonl.train.labels)


def test_labels_that_are_no_strings_are_written_as_in_the_yaml(task_file, tmp_path):
    write_jsonl(tmp_path / "train.jsonl", [{"review": "a", "stars": value} for value in (1, 0)])
    write_jsonl(tmp_path / "dev.jsonl", [{"review": "a", "stars": 1}])
    assert read_own_task(task_file(labels="[0, 1]"))[1].train.labels.tolist() == [1, 0]
    for name in ("train", "dev"):
        write_jsonl(tmp_path / f"{name}.jsonl", [{"review": "a", "stars": True}])
    assert read_own_task(task_file(labels="[false, true]"))[1].train.labels.tolist() == [1]


def test_a_regression_has_a_range(task_file, tmp_path):
    for name in ("train", "dev"):
        write_jsonl(
            tmp_path / f"{name}.jsonl", [{"review": "a", "stars": 1}, {"review": "b", "stars": 2.5}]
        )
    task, data = read_own_task(task_file(labels=None, score_range="[1, 5]"))
    assert task.is_regression and task.score_range == (1.0, 5.0)
    assert task.metrics == ("pearson", "spearman")
    assert data.train.labels.dtype == np.float32
    assert data.train.labels.tolist() == [1.0, 2.5]


def test_a_part_of_the_training_texts_can_be_dev(task_file, tmp_path):
    write_jsonl(tmp_path / "train.jsonl", ROWS + ROWS)  # every text twice
    _, data = read_own_task(task_file(dev=None, dev_fraction=0.3))
    assert len(data.dev) == 6 and len(data.train) == 14
    assert not set(data.dev.texts[0]) & set(data.train.texts[0])
    assert "scored on 30%" in data.note


def test_pairs_and_test_texts(task_file, tmp_path):
    rows = [{"a": "x", "b": f"y {i}", "stars": "no"} for i in range(4)]
    for name in ("train", "dev"):
        write_jsonl(tmp_path / f"{name}.jsonl", rows)
    write_jsonl(tmp_path / "test.jsonl", [{"a": "t", "b": "u"}])
    task, data = read_own_task(task_file(text_columns="[a, b]", test="test.jsonl"))
    assert data.train.texts[1] == ["y 0", "y 1", "y 2", "y 3"]
    assert data.tests == {"stars": (["t"], ["u"])}
    assert task.test_files == (("stars", "test.jsonl"),)


def test_a_few_bad_rows_are_left_out_and_many_are_an_error(task_file, tmp_path):
    bad = {"review": "bad", "stars": "maybe"}
    write_jsonl(tmp_path / "train.jsonl", ROWS * 20 + [bad])
    _, data = read_own_task(task_file())
    (reject,) = data.rejects
    assert (reject.line, len(data.train)) == (201, 200)
    assert reject.reason == "expected stars to be one of no, yes, received 'maybe'"
    write_jsonl(tmp_path / "train.jsonl", [*ROWS, bad])
    with pytest.raises(ValueError, match=r"train.jsonl, row 11: .* 1 of 11 rows are bad"):
        read_own_task(task_file())


def test_what_the_score_depends_on_changes_the_hash(task_file, tmp_path):
    hashes = [read_own_task(task_file(**changes))[1].sha256 for changes in ({}, {"name": "other"})]
    assert hashes[0] == hashes[1]
    changes = ({"labels": "[yes, no]"}, {"metrics": "macro_f1"}, {"num_train_epochs": 9})
    others = {read_own_task(task_file(**each))[1].sha256 for each in changes}
    write_jsonl(tmp_path / "dev.jsonl", ROWS[:5])
    assert len({hashes[0], *others, read_own_task(task_file())[1].sha256}) == 5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": None}, "labels: expected either all labels, or .*, received neither"),
        ({"score_range": "[0, 1]"}, "labels: expected either .*, received both"),
        ({"labels": "[yes]"}, "labels: expected at least two that differ, received yes"),
        ({"dev": None}, "dev: expected either this file or a dev_fraction, received neither"),
        ({"dev_fraction": "0.5"}, "dev: expected either .*, received both"),
        ({"dev": None, "dev_fraction": "1.5"}, "dev_fraction: expected a number above 0"),
        ({"dev": None, "dev_fraction": "few"}, "dev_fraction: expected a number, received few"),
        ({"train": None}, "train: expected the file of the training examples"),
        ({"text_columns": "[a, b, c]"}, "text_columns: expected one column, or two for pairs"),
        ({"metrics": "[bleu]"}, "metrics: expected some of accuracy, .*, received bleu"),
        ({"metrics": "[f1]", "labels": "[a, b, c]"}, "metrics: expected macro_f1 with more"),
        ({"name": "../up"}, r"name: expected letters, .*, received \.\./up"),
        ({"colour": "red"}, "keys: expected one of train, dev, .* received colour"),
        ({"num_train_epochs": "0"}, "num_train_epochs: expected more than 0"),
        ({"labels": "{a: b}"}, "labels: expected a list"),
    ],
)
def test_what_a_yaml_must_not_say(task_file, changes, message):
    with pytest.raises(ValueError, match=r"stars\.yaml: " + message):
        read_own_task(task_file(**changes))


def test_missing_files_are_named(task_file, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"train: expected a file, there is no .*none.tsv"):
        read_own_task(task_file(train="none.tsv"))
    with pytest.raises(FileNotFoundError, match="--task_file .*expected a YAML file"):
        read_own_task(str(tmp_path / "none.yaml"))


def test_a_file_that_is_no_yaml_is_refused(tmp_path):
    path = tmp_path / "task.yaml"
    path.write_text("a: [1\n")
    with pytest.raises(ValueError, match=r"task\.yaml: expected YAML"):
        read_own_task(str(path))


def test_an_empty_file_is_refused(task_file, tmp_path):
    (tmp_path / "train.jsonl").write_text("")
    with pytest.raises(ValueError, match=r"train\.jsonl: expected rows with the columns review"):
        read_own_task(task_file())


def test_a_key_is_named_with_the_one_that_was_meant(task_file):
    with pytest.raises(ValueError, match="keys: expected labels or another of .*received lables"):
        read_own_task(task_file(labels=None, lables="[no, yes]"))


def test_a_key_that_stands_twice_is_refused(task_file):
    path = task_file()
    with open(path, "a") as file:
        file.write("labels: [yes, no]\n")
    with pytest.raises(ValueError, match="expected YAML, received: the key labels twice"):
        read_own_task(path)


@pytest.mark.parametrize("columns", ["[review, stars]", "[review, review]", "stars"])
def test_the_label_is_no_text_and_a_text_is_read_once(task_file, columns):
    with pytest.raises(ValueError, match="expected text and label in columns of their own"):
        read_own_task(task_file(text_columns=columns))


def test_null_is_no_label_whatever_the_labels_are(task_file, tmp_path):
    rows = [{"review": f"film {i}", "stars": "None"} for i in range(200)]
    write_jsonl(tmp_path / "train.jsonl", [*rows, {"review": "film", "stars": None}])
    _, data = read_own_task(task_file(labels="[None, yes]", dev="train.jsonl"))
    assert len(data.train) == 200
    assert "expected a label in column stars, received null" in data.rejects[0].reason
