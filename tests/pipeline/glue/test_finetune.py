"""`mnemosyne glue` from flags to table on two tiny tasks."""

import json

import numpy as np
import pytest
from glue_folders import answer_with

from models import BertConfig
from pipeline.commands import glue as finetune
from pipeline.glue import classifier_training

VOCAB = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "film", "a", "same", "other"]


@pytest.fixture(name="folders")
def fixture_folders(tmp_path):
    run, glue = tmp_path / "run", tmp_path / "glue"
    run.mkdir()
    BertConfig(
        vocab_size=len(VOCAB),
        hidden_dim=16,
        num_layers=1,
        num_heads=2,
        intermediate_dim=16,
        max_position_embeddings=16,
        dropout=0.0,
        attention_dropout=0.0,
    ).save(run / "bert_config.json")
    (run / "vocab.txt").write_text("\n".join(VOCAB) + "\n")
    for name, header, rows in (
        ("SST-2", "sentence\tlabel", ["a good film\t1", "a bad film\t0"]),
        (
            "STS-B",
            "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\t"
            "sentence2\tscore",
            [
                "0\tg\tf\ty\t1\tn\tn\ta film\tsame film\t5.0",
                "1\tg\tf\ty\t1\tn\tn\ta film\tbad\t0.5",
            ],
        ),
    ):
        (glue / name).mkdir(parents=True)
        for split, copies in (("train", 60), ("dev", 3)):
            content = "\n".join([header, *rows * copies])
            (glue / name / f"{split}.tsv").write_text(content + "\n")
    return tmp_path


def arguments(folders, *more):
    flags = {
        "checkpoint": folders / "run",
        "glue_dir": folders / "glue",
        "output": folders / "out",
        "batch_size": 8,
        "max_seq_length": 8,
        "learning_rate": 0.01,  # three times that ends where rounding decides
    }
    flat = [text for name, value in flags.items() for text in (f"--{name}", str(value))]
    return [*flat, "--random_init", *more]


@pytest.fixture(name="quick")
def fixture_quick(monkeypatch):
    """Leaves the training out: every dev example is answered with class 1."""

    def train(model, features, labels, *, settings, description, after_epoch=None, **_):
        return settings.num_train_steps(len(labels))

    def predict(model, features, *, batch_size):
        return np.tile([[0.0, 1.0]], [len(features["input_ids"]), 1])

    monkeypatch.setattr(classifier_training, "train", train)
    answer_with(monkeypatch, predict)


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
        f"WARNING SST-2: 1 malformed rows left out, the first in {path}, line 122: expected 2 "
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


def results_of(folders):
    return json.loads((folders / "out" / "results.json").read_text())


def test_each_seed_is_a_run_and_finished_ones_are_skipped(folders, capsys, quick):
    assert finetune.main(arguments(folders, "--tasks", "SST-2", "--seed", "3")) == 0
    [first] = results_of(folders)["runs"]
    capsys.readouterr()
    more = ("--tasks", "SST-2", "--seed", "3", "--seeds", "3")
    assert finetune.main(arguments(folders, *more)) == 0
    results = results_of(folders)
    assert [run["seed"] for run in results["runs"]] == [3, 4, 5]
    assert results["runs"][0] == first
    assert results["rows"][0]["seeds"] == [3, 4, 5]
    printed = capsys.readouterr().out.splitlines()
    assert "SST-2, seed 3: finished earlier with the same settings, skipped" in printed
    assert finetune.main(arguments(folders, *more)) == 0
    assert "seed 3, 4, 5: finished earlier" in capsys.readouterr().out


def test_a_seed_among_others_gives_what_it_gives_alone(folders):
    one_epoch = ("--tasks", "SST-2", "--num_train_epochs", "1", "--choose", "best")
    assert finetune.main(arguments(folders, *one_epoch, "--seeds", "2")) == 0
    together = results_of(folders)["runs"][1]
    other = [text if text != str(folders / "out") else f"{text}1" for text in arguments(folders)]
    assert finetune.main([*other, *one_epoch, "--seed", "1"]) == 0
    [alone] = json.loads((folders / "out1" / "results.json").read_text())["runs"]
    for timed in (together, alone):
        del timed["seconds"]
    assert together == alone


def test_epochs_are_the_defaults_of_the_task_unless_given(folders, quick):
    assert finetune.main(arguments(folders)) == 0
    epochs = {row["task"]: row["num_train_epochs"] for row in results_of(folders)["rows"]}
    assert epochs == {"SST-2": 3.0, "STS-B": 5.0}


def test_best_scores_the_epoch_that_is_best_on_dev_and_says_so(folders, monkeypatch, capsys):
    answers = iter([[0, 1, 0, 1, 0, 0], [1, 0, 1, 0, 1, 0], [0] * 6, [1, 0, 1, 0, 1, 0]])
    kept = []

    def train(model, features, labels, *, settings, description, after_epoch, **_):
        for epoch in (1, 2, 3):
            model.set_weights([np.full_like(weight, epoch) for weight in model.get_weights()])
            after_epoch(epoch)
        return 45

    def predict(model, features, *, batch_size):
        kept.append(model.get_weights()[0].flat[0])
        return np.eye(2)[next(answers)]

    monkeypatch.setattr(classifier_training, "train", train)
    answer_with(monkeypatch, predict)
    assert finetune.main(arguments(folders, "--tasks", "SST-2", "--choose", "best")) == 0
    [run] = results_of(folders)["runs"]
    assert run["epoch"] == 2
    assert kept == [1, 2, 3, 2]  # at last, the weights of the best epoch are scored
    assert "--choose best): the same dev examples chose" in capsys.readouterr().out


def test_other_choices_are_other_settings(folders, quick):
    finetune.main(arguments(folders, "--tasks", "SST-2"))
    with pytest.raises(ValueError, match="other settings: choose: last -> best"):
        finetune.main(arguments(folders, "--tasks", "SST-2", "--choose", "best"))


def test_an_unknown_choice_names_the_flag(folders):
    with pytest.raises(SystemExit):
        finetune.main(arguments(folders, "--choose", "median"))
