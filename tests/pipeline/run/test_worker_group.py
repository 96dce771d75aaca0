import json
import os
import pathlib
import sys

import pytest
import tensorflow as tf

from pipeline.run import worker_group

TWO = {"worker": ["a:1", "b:2"]}


@pytest.fixture
def as_task(monkeypatch):
    """Returns `become(kind, index, cluster)`, which sets TF_CONFIG."""

    def become(kind, index, cluster):
        config = {"cluster": cluster, "task": {"type": kind, "index": index}}
        monkeypatch.setenv("TF_CONFIG", json.dumps(config))

    monkeypatch.delenv("TF_CONFIG", raising=False)
    return become


def test_a_process_without_tf_config_is_alone_and_chief(as_task):
    group = worker_group.from_environment()
    assert (group.num_workers, group.is_chief) == (1, True)


@pytest.mark.parametrize(
    ("kind", "index", "cluster", "is_chief", "address"),
    [
        ("worker", 0, TWO, True, "a:1"),
        ("worker", 1, TWO, False, "b:2"),
        ("worker", 0, {"chief": ["c:3"], "worker": ["a:1"]}, False, "a:1"),
        ("chief", 0, {"chief": ["c:3"], "worker": ["a:1"]}, True, "c:3"),
    ],
)
def test_the_chief_is_named_so_or_the_first_worker(
    as_task, kind, index, cluster, is_chief, address
):
    as_task(kind, index, cluster)
    group = worker_group.from_environment()
    assert (group.num_workers, group.is_chief, group.address) == (2, is_chief, address)


@pytest.mark.parametrize("text", ["no json", "[]", '{"cluster": {"worker": ["a:1"]}}'])
def test_another_tf_config_is_refused_with_the_form_it_must_have(monkeypatch, text):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ValueError, match='TF_CONFIG must look like {"cluster"'):
        worker_group.from_environment()


def test_the_chief_writes_into_the_run_folder(as_task, tmp_path):
    as_task("worker", 0, TWO)
    assert worker_group.output_folder(tmp_path) == str(tmp_path)


def test_others_read_the_run_folder_and_change_nothing_in_it(as_task, tmp_path):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "recipe.yaml").write_text("a: 1\n")
    big = tmp_path / "checkpoints" / "ckpt-5.data"
    big.write_bytes(bytes(2**17))
    as_task("worker", 1, TWO)
    copy = pathlib.Path(worker_group.output_folder(tmp_path))
    assert (copy / "recipe.yaml").read_text() == "a: 1\n"
    assert (copy / "checkpoints" / "ckpt-5.data").read_bytes() == bytes(2**17)
    with open(copy / "recipe.yaml", "a") as file:
        file.write("b: 2\n")
    os.remove(copy / "checkpoints" / "ckpt-5.data")
    (copy / "checkpoints" / "ckpt-6.data").write_text("")
    assert (tmp_path / "recipe.yaml").read_text() == "a: 1\n"
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["ckpt-5.data"]


def test_a_run_folder_that_is_not_there_yet_is_no_error(as_task, tmp_path):
    as_task("worker", 1, TWO)
    assert os.listdir(worker_group.output_folder(tmp_path / "new")) == []


@pytest.mark.parametrize(("index", "printed"), [(0, "hello\n"), (1, "")])
def test_only_the_chief_prints(as_task, capsys, index, printed):
    as_task("worker", index, TWO)
    with worker_group.as_member():
        print("hello")
        print("hello", file=sys.stderr)
    assert capsys.readouterr() == (printed, printed)


def test_a_lost_worker_becomes_a_sentence_that_says_what_to_do(as_task):
    as_task("worker", 1, TWO)
    lost = tf.errors.UnavailableError(
        None,
        None,
        "Graph execution error:\n\nCollective ops is aborted by: task 0 died\n\tat",
    )
    with (
        pytest.raises(worker_group.LostWorkerError, match="worker 1 of 2 .*Start all .* 0 died"),
        worker_group.as_member(),
    ):
        raise lost


def test_a_process_alone_keeps_the_errors_of_tensorflow(as_task):
    with pytest.raises(tf.errors.UnavailableError), worker_group.as_member():
        raise tf.errors.UnavailableError(None, None, "no such server")
