"""`mnemosyne prompt` from flags to files, and what becomes of them."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file

from pipeline.commands import predict, prompt, report
from pipeline.glue import classifier_training


@pytest.fixture(name="run")
def fixture_run(tmp_path, frozen, glue):
    """Returns `run(*flags)`: exit code; SST-2 alone unless tasks are named."""

    def run(*flags, tasks="SST-2"):
        words = ["--checkpoint", frozen, "--glue_dir", glue, "--output", tmp_path / "out"]
        words += ["--tasks", tasks, "--batch_size", 8, "--prompt_length", 4, *flags]
        return prompt.main([str(word) for word in words])

    return run


def results(tmp_path):
    return json.loads((tmp_path / "out" / "results.json").read_text())


def test_two_tasks_are_tuned_scored_and_answered(run, tmp_path, glue):
    flags = ("--num_train_epochs", 10, "--optimizer", "adamw", "--learning_rate", 0.05)
    assert run(*flags, tasks="SST-2,STS-B") == 0
    rows = {row["task"]: row["score"] for row in results(tmp_path)["rows"]}
    # Two texts with two labels: scores of two texts are correlated perfectly, rounding aside.
    assert rows == {"SST-2": 1.0, "STS-B": pytest.approx(1.0, abs=1e-3)}
    folder = tmp_path / "out" / "prompts" / "SST-2-seed0"
    tensors = load_file(folder / "prompt.safetensors")
    assert {name: array.shape for name, array in tensors.items()} == {
        "prompt_embeddings": (4, 16),
        "head/kernel": (16, 2),
        "head/bias": (2,),
    }
    answers = tmp_path / "answers.tsv"
    dev = str(glue / "SST-2" / "dev.tsv")
    predict.main(["--checkpoint", str(folder), "--input", dev, "--output", str(answers)])
    scored = tmp_path / "out" / "predictions" / "SST-2-seed0.tsv"
    assert column(answers, 1) == column(scored, 1)
    report.main([str(tmp_path / "out"), "--output", str(tmp_path / "page.html")])
    assert "STS-B" in (tmp_path / "page.html").read_text()


def column(file, number):
    return [line.split("\t")[number] for line in file.read_text().splitlines()[1:]]


@pytest.fixture(name="quick")
def fixture_quick(monkeypatch):
    """Leaves the training out; returns the models that it was called with."""
    models = []

    def train(model, *_, **__):
        models.append(model)
        return 1

    monkeypatch.setattr(classifier_training, "train", train)
    return models


def test_finished_seeds_are_skipped_and_others_added(run, tmp_path, quick, capsys):
    assert run() == 0 and run("--seeds", 2) == 0
    assert len(quick) == 2
    assert (
        "SST-2, seed 0: finished earlier with the same settings, skipped" in capsys.readouterr().out
    )
    assert results(tmp_path)["rows"][0]["seeds"] == [0, 1]


def test_the_table_says_that_the_model_is_frozen(run, tmp_path, quick):
    assert run() == 0
    title = (tmp_path / "out" / "results.md").read_text().splitlines()[0]
    assert title.endswith("/model, frozen, with a prompt of 4 vectors")


def test_another_length_needs_another_folder(run, quick):
    assert run() == 0
    with pytest.raises(ValueError, match="prompt_length"):
        run("--prompt_length", 5)


def test_the_frozen_weights_are_those_of_the_model_folder(run, frozen, quick):
    assert run() == 0
    stored = load_file(frozen / "model.safetensors")
    table = quick[0].encoder.embeddings.word_embeddings.numpy()
    np.testing.assert_array_equal(table, stored["encoder/embeddings/word_embeddings"])


def test_a_prompt_that_diverges_is_no_score(run, tmp_path, monkeypatch, capsys):
    def train(*_, **__):
        raise FloatingPointError("the loss is nan")

    monkeypatch.setattr(classifier_training, "train", train)
    assert run() == 1
    assert "mnemosyne prompt: the loss is nan" in capsys.readouterr().err
    assert not (tmp_path / "out" / "COMPLETED").exists()


def test_a_setting_that_the_optimizer_lacks_is_refused(run):
    with pytest.raises(ValueError, match="weight_decay"):
        run("--weight_decay", 0.1)


def test_classes_of_a_regression_are_refused_before_any_training(run, quick):
    with pytest.raises(ValueError, match=r"--prompt_init classes: .*received STS-B, whose .*take"):
        run("--prompt_init", "classes", tasks="SST-2,STS-B")
    assert not quick


def test_own_task_takes_no_tasks(tmp_path, frozen):
    words = ["--checkpoint", str(frozen), "--task_file", "t.yaml", "--tasks", "RTE"]
    with pytest.raises(ValueError, match="--task_file: expected no --tasks"):
        prompt.main([*words, "--output", str(tmp_path / "out")])


def test_a_task_of_ones_own_is_read_from_its_file(tmp_path, frozen, quick):
    rows = "".join(json.dumps({"text": t, "label": t}) + "\n" for t in ("good", "bad") * 4)
    (tmp_path / "rows.jsonl").write_text(rows)
    task = tmp_path / "films.yaml"
    task.write_text("train: rows.jsonl\ndev: rows.jsonl\ntext_columns: text\nlabels: [bad, good]\n")
    words = ["--checkpoint", frozen, "--task_file", task, "--output", tmp_path / "out"]
    assert prompt.main([*map(str, words), "--prompt_init", "classes", "--prompt_length", "3"]) == 0
    said = json.loads((tmp_path / "out" / "prompts" / "films-seed0" / "prompt.json").read_text())
    assert (said["labels"], said["sentence_columns"]) == (["bad", "good"], ["text"])
