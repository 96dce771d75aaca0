"""What `mnemosyne prompt` says that it leaves out, cuts or does not know."""

import json

import pytest
from glue_folders import make_ax, make_task, results_of

from pipeline.commands import prompt
from pipeline.glue import classifier_training


@pytest.fixture(name="run")
def fixture_run(tmp_path, frozen, glue, monkeypatch):
    """Returns `run(tasks, *flags)`, which trains nothing; SST-2 has a text of 8 tokens, 4 known."""
    monkeypatch.setattr(classifier_training, "train", lambda *_, **__: 1)
    with open(glue / "SST-2" / "train.tsv", "a", encoding="utf-8") as file:
        file.write("a film a film zebra zebra zebra zebra\t1\n" * 8)

    def run(tasks, *flags):
        words = ["--checkpoint", frozen, "--glue_dir", glue, "--output", tmp_path / "out"]
        words += ["--tasks", tasks, "--batch_size", 8, "--prompt_length", 4, *flags]
        assert prompt.main([str(word) for word in words]) == 0

    return run


def test_cut_texts_and_unknown_words_are_counted(run, capsys):
    run("SST-2", "--max_seq_length", 8, "--seeds", 2)
    said = capsys.readouterr().out
    # Two of the eight do not fit beside [CLS] and [SEP]; 24 texts of three known words.
    assert said.count("8 of 32 training examples are longer than --max_seq_length 8 and cut") == 1
    assert said.count("WARNING SST-2: 13.3% of its tokens are [UNK]") == 1


def test_positions_that_were_never_trained_are_named(run, frozen, capsys):
    about = json.loads((frozen / "model.json").read_text()) | {"trained_positions": 10}
    (frozen / "model.json").write_text(json.dumps(about | {"max_seq_length": 10}))
    run("SST-2", "--max_seq_length", 12)
    assert "rows 10 to 11 of its position table" in capsys.readouterr().out


def test_test_files_are_left_to_predict(run, capsys):
    run("SST-2")
    assert (
        "test files of SST-2 are not answered here; `mnemosyne predict" in capsys.readouterr().out
    )


def test_the_diagnostic_set_is_named_as_not_run(run, tmp_path, glue, capsys):
    make_task(glue, "MNLI")
    make_ax(glue)
    run("MNLI,AX")
    assert "AX: not run, `mnemosyne prompt` does not answer it" in capsys.readouterr().out
    assert {"name": "AX", "reason": "no_prompt"} in results_of(tmp_path / "out")["not_run"]
