"""`mnemosyne glue` from flags to table on two tiny tasks."""

import json

import pytest
from glue_folders import arguments

from pipeline.commands import glue as finetune
from pipeline.glue import classifier_training


@pytest.mark.parametrize(("optimizer", "rate"), [("adamw", 1e-4), ("mnemosyne", 1.0)])
def test_each_optimizer_has_its_own_default_rate(folders, quick, optimizer, rate):
    flags = arguments(folders, "--optimizer", optimizer)
    at = flags.index("--learning_rate")
    assert finetune.main(flags[:at] + flags[at + 2 :]) == 0
    results = json.loads((folders / "out" / "results.json").read_text())
    assert results["settings"]["learning_rate"] == rate


def test_other_optimizers_must_be_given_a_rate(folders, quick):
    flags = arguments(folders, "--optimizer", "lion")
    at = flags.index("--learning_rate")
    with pytest.raises(ValueError, match="--learning_rate: expected one with --optimizer lion"):
        finetune.main(flags[:at] + flags[at + 2 :])
    assert finetune.main(flags) == 0


def test_two_tasks_are_trained_scored_and_kept(folders, capsys):
    assert finetune.main(arguments(folders, "--num_train_epochs", "8")) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == (f"GLUE, dev sets: random initialisation, sizes of {folders / 'run'}")
    assert "SST-2: 120 training and 6 dev examples" in printed
    at = printed.index("The average is over 2 of the 9 tasks of GLUE: SST-2, STS-B.")
    assert printed[at - 2].split("|")[1].strip() == "average"
    results = json.loads((folders / "out" / "results.json").read_text())
    assert [(row["task"], row["num_train_steps"]) for row in results["rows"]] == [
        ("SST-2", 120),
        ("STS-B", 120),
    ]
    assert results["rows"][0]["metrics"] == {"accuracy": 1.0}
    assert results["rows"][1]["score"] > 0.9
    assert results["initialisation"] == "random"
    out = sorted(path.name for path in (folders / "out").iterdir())
    assert out == ["COMPLETED", "models", "predictions", "results.json", "results.md"]
    assert printed[-1] == "no submission: no task that was run has a test.tsv"
    assert "SST-2, seed 0: accuracy 100.0" in printed


def test_finished_tasks_are_skipped_and_missing_ones_added(folders, capsys, quick):
    finetune.main(arguments(folders, "--tasks", "SST-2"))
    first = json.loads((folders / "out" / "results.json").read_text())
    capsys.readouterr()
    assert finetune.main(arguments(folders)) == 0
    printed = capsys.readouterr().out
    assert "SST-2: finished earlier with the same settings, skipped" in printed
    second = json.loads((folders / "out" / "results.json").read_text())
    assert second["rows"][0] == first["rows"][0]
    assert [row["task"] for row in second["rows"]] == ["SST-2", "STS-B"]


def test_other_settings_are_refused_with_the_difference(folders, quick):
    finetune.main(arguments(folders, "--tasks", "SST-2", "--num_train_epochs", "0.5"))
    with pytest.raises(ValueError, match="of other settings: num_train_epochs: 0.5 -> None"):
        finetune.main(arguments(folders))


def test_max_train_examples_limits_the_training(folders, quick):
    finetune.main(arguments(folders, "--tasks", "SST-2", "--max_train_examples", "16"))
    [row] = json.loads((folders / "out" / "results.json").read_text())["rows"]
    assert (row["train_examples"], row["num_train_steps"], row["dev_examples"]) == (16, 6, 6)


def test_a_bad_row_is_warned_of_and_kept(folders, capsys, quick):
    path = folders / "glue" / "SST-2" / "train.tsv"
    path.write_text(path.read_text() + "no label\n")
    finetune.main(arguments(folders, "--tasks", "SST-2"))
    assert (
        f"WARNING SST-2: 1 malformed row left out, the first in {path}, line 122: expected 2 "
        "tab-separated columns (sentence, label), received 1"
    ) in capsys.readouterr().out
    [reject] = (folders / "out" / "rejects.jsonl").read_text().splitlines()
    assert json.loads(reject)["text"] == "no label"


def test_a_bad_folder_is_found_before_anything_is_written(folders):
    (folders / "glue" / "STS-B" / "dev.tsv").unlink()
    with pytest.raises(FileNotFoundError, match="STS-B/dev.tsv: file of task STS-B is missing"):
        finetune.main(arguments(folders))
    assert not (folders / "out").exists()


def test_sample_tasks_are_marked_in_the_results(folders, capsys, quick):
    (folders / "glue" / "sample_tasks.json").write_text('{"is_glue": false}')
    finetune.main(arguments(folders))
    assert json.loads((folders / "out" / "results.json").read_text())["sample_tasks"] is True
    printed = capsys.readouterr().out
    assert "Sample tasks (not GLUE)" in printed
    assert "not run" not in printed and "of the 9 tasks of GLUE" not in printed
    assert "The average is over 2 sample tasks: SST-2, STS-B." in printed


def test_every_task_that_is_left_out_is_named(folders, capsys, quick):
    for name in ("MNLI", "QQP", "notes"):
        (folders / "glue" / name).mkdir()
    assert finetune.main(arguments(folders, "--tasks", "SST-2,STS-B")) == 0
    printed = capsys.readouterr().out
    lines = [
        "QQP: not run, it is not in --tasks",
        "MNLI: not run, it is not in --tasks",
        "RTE: not run, there is no folder of this name in --glue_dir",
        "notes: not run, no task of GLUE has this name",
    ]
    for line in lines:
        assert printed.splitlines().count(line) == 1  # below the table
    assert printed.splitlines()[1] == (
        "not run: CoLA, MRPC, QNLI, RTE, WNLI (missing), QQP, MNLI (not chosen), notes (unknown)"
    )
    assert "The average is over 2 of the 9 tasks of GLUE: SST-2, STS-B." in printed
    not_run = json.loads((folders / "out" / "results.json").read_text())["not_run"]
    assert {"name": "MNLI", "reason": "not_chosen"} in not_run


def give_run_facts(folders, *, max_seq_length, do_lower_case=True):
    prepare = {"max_seq_length": max_seq_length, "do_lower_case": do_lower_case}
    facts = {"recipe": {"prepare": prepare, "train": {}}, "data_manifest": {"settings": prepare}}
    (folders / "run" / "run.json").write_text(json.dumps(facts))


@pytest.fixture(name="pretrained")
def fixture_pretrained(folders, monkeypatch):
    """The run folder counts as trained: nothing is loaded into the encoder."""
    monkeypatch.setattr("pipeline.glue.initial_weights.load_pretrained_encoder", lambda *_: None)
    return [flag for flag in arguments(folders) if flag != "--random_init"]


def without(flags, name):
    at = flags.index(name)
    return flags[:at] + flags[at + 2 :]


def test_length_is_that_of_the_records_of_the_run(folders, quick, pretrained, capsys):
    give_run_facts(folders, max_seq_length=6)
    assert finetune.main(without(pretrained, "--max_seq_length")) == 0
    results = json.loads((folders / "out" / "results.json").read_text())
    assert results["settings"]["max_seq_length"] == 6
    assert "position table" not in capsys.readouterr().out


def test_longer_than_the_records_is_a_warning_that_names_the_rows(
    folders, quick, pretrained, capsys
):
    give_run_facts(folders, max_seq_length=6)
    assert finetune.main(pretrained) == 0  # --max_seq_length 8
    [warning] = [line for line in capsys.readouterr().out.splitlines() if "WARNING" in line]
    assert "--max_seq_length 8" in warning and "at most 6 tokens" in warning
    assert "rows 6 to 7 of its position table" in warning


def test_random_weights_have_no_untrained_rows_to_warn_of(folders, quick, capsys):
    give_run_facts(folders, max_seq_length=6)
    assert finetune.main(arguments(folders)) == 0
    assert "WARNING" not in capsys.readouterr().out


def test_text_is_tokenized_with_the_casing_of_the_run(folders, quick, capsys):
    give_run_facts(folders, max_seq_length=8, do_lower_case=False)
    path = folders / "glue" / "SST-2" / "train.tsv"
    path.write_text(path.read_text().replace("film", "Film"))
    assert finetune.main(arguments(folders, "--tasks", "SST-2")) == 0
    # "a good Film": one token in three is not in the vocabulary of lower-cased words.
    assert "WARNING SST-2: 33.3% of its tokens are [UNK]" in capsys.readouterr().out
    [row] = json.loads((folders / "out" / "results.json").read_text())["rows"]
    assert row["unknown_fraction"] == pytest.approx(1 / 3)


def test_a_setting_that_the_optimizer_does_not_have_is_refused_before_any_work(folders):
    flags = arguments(folders, "--optimizer", "mnemosyne", "--weight_decay", "0.5")
    with pytest.raises(ValueError, match="weight_decay does nothing for mnemosyne"):
        finetune.main(flags)
    assert not (folders / "out").exists()


def test_a_checkpoint_is_needed_unless_weights_are_random(folders):
    flags = [flag for flag in arguments(folders) if flag != "--random_init"]
    with pytest.raises(FileNotFoundError, match="no checkpoint"):
        finetune.main(flags)


def test_a_sequence_longer_than_the_encoder_is_refused(folders):
    with pytest.raises(ValueError, match="max_position_embeddings 16, received 17"):
        finetune.main(arguments(folders, "--max_seq_length", "17"))


def test_divergence_is_exit_code_1_and_leaves_no_marker(folders, capsys, monkeypatch):
    def train(*_, **__):
        raise FloatingPointError("STS-B: expected a finite loss")

    monkeypatch.setattr(classifier_training, "train", train)
    assert finetune.main(arguments(folders, "--tasks", "STS-B")) == 1
    assert capsys.readouterr().err == "mnemosyne glue: STS-B: expected a finite loss\n"
    assert not (folders / "out" / "COMPLETED").exists()


def test_help_gives_an_example(capsys):
    with pytest.raises(SystemExit) as stop:
        finetune.main(["--help"])
    assert stop.value.code == 0
    assert "mnemosyne glue --checkpoint runs/tiny" in capsys.readouterr().out
