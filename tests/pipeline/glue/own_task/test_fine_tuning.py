"""`mnemosyne glue --task_file`, then the model that it keeps: labels for new texts."""

import json

import pytest

from pipeline import load_pretrained
from pipeline.commands import glue, predict


@pytest.fixture
def task_file(tmp_path):
    """A task that one word decides: "cat" is good, "mat" is bad."""
    rows = [{"text": f"the {word}", "label": label} for word, label in WORDS.items()] * 8
    for name in ("train", "dev", "test"):
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / f"{name}.jsonl").write_text(lines)
    path = tmp_path / "cats.yaml"
    path.write_text(
        "train: train.jsonl\ndev: dev.jsonl\ntest: test.jsonl\n"
        "text_columns: text\nlabels: [bad, good]\n"
    )
    return path


WORDS = {"cat": "good", "mat": "bad"}
FLAGS = ("--batch_size=8", "--num_train_epochs=80", "--learning_rate=0.01", "--dropout=0")


@pytest.mark.slow
def test_a_task_of_ones_own_is_learned_kept_and_predicted(
    pretrained_run, task_file, tmp_path, capsys
):
    output = tmp_path / "scores"
    flags = [f"--checkpoint={pretrained_run}", f"--task_file={task_file}", f"--output={output}"]
    assert glue.main([*flags, *FLAGS]) == 0
    said = capsys.readouterr().out
    assert "cats, seed 0: accuracy 100.0" in said
    assert "The score is that of your own task: cats." in said
    answers = (output / "submission" / "cats.tsv").read_text().splitlines()
    assert answers[:3] == ["index\tprediction", "0\tgood", "1\tbad"]

    model = output / "models" / "cats"
    texts = ["the mat", "the cat"]
    assert [each.label for each in load_pretrained(model).predict(texts)] == ["bad", "good"]
    (tmp_path / "new.tsv").write_text("text\nthe cat\n")
    labels = tmp_path / "labels.jsonl"
    flags = [f"--checkpoint={model}", f"--input={tmp_path / 'new.tsv'}", f"--output={labels}"]
    assert predict.main(flags) == 0
    assert json.loads(labels.read_text())["label"] == "good"


@pytest.mark.slow
def test_watching_a_complete_run_scores_its_checkpoint(pretrained_run, task_file, tmp_path, capsys):
    output = tmp_path / "curve"
    (pretrained_run / "COMPLETED").write_text("{}")
    flags = [f"--checkpoint={pretrained_run}", f"--task_file={task_file}", f"--output={output}"]
    try:
        assert glue.main([*flags, "--num_train_epochs=1", "--batch_size=8", "--watch"]) == 0
    finally:
        (pretrained_run / "COMPLETED").unlink()
    (step,) = json.loads((output / "scores_by_step.json").read_text())["steps"]
    assert step["step"] == 1 and list(step["scores"]) == ["cats"]
    assert not (output / "step-1" / "models").exists()
    assert capsys.readouterr().out.splitlines()[-1].startswith("|      1 |")


def test_an_own_task_has_no_list_of_tasks(task_file, tmp_path):
    flags = ["--checkpoint=run", f"--task_file={task_file}", f"--output={tmp_path / 'out'}"]
    with pytest.raises(ValueError, match="--task_file: expected neither --tasks"):
        glue.main([*flags, "--tasks=RTE"])
