"""`mnemosyne glue` with several seeds, its epochs and the choice of one."""

import json

import numpy as np
import pytest
from glue_folders import answer_with, arguments

from pipeline.commands import glue as finetune
from pipeline.glue import classifier_training


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
