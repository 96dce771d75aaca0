import argparse
import json

import pytest

from mnemosyne_tf.meta_params import MetaParams
from pipeline.commands import bench
from pipeline.lab.races import bert_tasks, contestants, race, sweep, transfer
from pipeline.lab.races import tasks as race_tasks


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Returns `run(*flags)`: a race of few steps and rates; what it printed and its JSON."""
    task = race_tasks.Task("digits_mlp", race_tasks.load_digits, race_tasks.build_mlp, 64, 10, 2)
    monkeypatch.setattr(race_tasks, "vision_tasks", lambda folder: [task])
    rates = {"adamw": (1e-3, 4e-3), "sgd": (0.3,), "mnemosyne": (1.0,)}
    for module in (race, contestants):
        monkeypatch.setattr(module, "RATES", rates)
    monkeypatch.setattr(sweep, "MORE_RATES", 0)
    monkeypatch.setattr(race, "all_that_differ", lambda: [*rates])

    def go(*flags):
        usual = {"runs": "runs", "plot": "race.png", "output": "race.json"}
        paths = [f"--{flag}={tmp_path / name}" for flag, name in usual.items()]
        assert bench.main(["optimizer", "--suite=vision", "--seeds=1", *paths, *flags]) == 0
        return capsys.readouterr().out, json.loads((tmp_path / "race.json").read_text())

    return go


def test_a_race_prints_a_table_and_keeps_its_runs(run, tmp_path):
    out, content = run()
    assert "digits_mlp: 20 steps of 64, 1 seed(s)" in out
    assert out.count("\n| ") == 5
    assert out.splitlines()[-1].startswith("digits_mlp: mnemosyne ")
    assert len(list((tmp_path / "runs").iterdir())) == 4
    assert (tmp_path / "race.png").stat().st_size > 10_000
    figures = content["tasks"]["digits_mlp"]
    assert {row["optimizer"] for row in figures["results"]} == {"adamw", "sgd", "mnemosyne"}
    assert figures["plateau"] is None
    again, _ = run()
    assert again == out


def test_a_task_with_a_plateau_says_whether_its_race_counts(run, monkeypatch):
    task = race_tasks.Task(
        *("digits_mlp", race_tasks.load_digits, race_tasks.build_mlp, 64, 10, 2),
        plateau=lambda data: 9.0,
        about="digits for words",
    )
    monkeypatch.setattr(bert_tasks, "bert_tasks", lambda texts, folder: [task])
    out, content = run("--suite=bert", "--optimizers=adamw")
    assert "counts: AdamW ends " in out and "digits for words" in out
    assert content["tasks"]["digits_mlp"]["plateau"] == 9.0


def test_all_is_both_suites(monkeypatch):
    monkeypatch.setattr(bert_tasks, "bert_tasks", lambda texts, folder: [(texts, folder)])
    monkeypatch.setattr(race_tasks, "vision_tasks", lambda folder: [folder])
    parser = argparse.ArgumentParser()
    race.add_flags(parser)
    parser.add_argument("--suite")
    flags = ["--text", "a", "b", "--fashion_mnist=f", "--runs=r", "--suite"]
    tasks = {
        suite: race._tasks(parser.parse_args([*flags, suite]))
        for suite in ("bert", "vision", "all")
    }
    assert tasks["all"] == [(["a", "b"], "r"), "f"] == tasks["bert"] + tasks["vision"]


def test_unknown_tasks_and_no_seeds_are_refused(run):
    with pytest.raises(ValueError, match="--tasks: expected some of digits_mlp, received mnist"):
        run("--tasks", "mnist")
    with pytest.raises(ValueError, match="--seeds: expected 1 or more, received 0"):
        run("--seeds", "0")
    with pytest.raises(ValueError, match="--sweep_seeds: expected 1 or more, received 0"):
        run("--sweep_seeds", "0")


def test_the_gate_judges_a_candidate(run, monkeypatch, tmp_path):
    monkeypatch.setattr(bert_tasks, "bert_tasks", lambda texts, folder: [])
    monkeypatch.setitem(contestants.RATES, "nominal", (0.5, 1.0))
    MetaParams.nominal().save(tmp_path / "new.npz")
    flags = (f"--candidate={tmp_path / 'new.npz'}", f"--history={tmp_path / 'gate.md'}")
    out, content = run("--suite=gate", *flags)
    assert out.splitlines()[-1].startswith("gate: not passed, on 1 task(s) +0.0000 +- nan nats")
    raced = {row["optimizer"] for row in content["tasks"]["digits_mlp"]["results"]}
    assert raced == {"adamw", "nominal", "mnemosyne", f"mnemosyne:{tmp_path / 'new.npz'}"}
    assert len((tmp_path / "gate.md").read_text().splitlines()) == 3


def test_transfer_races_three_at_every_point_and_compares_them(run, monkeypatch):
    task = race_tasks.Task(
        *("point", race_tasks.load_digits, race_tasks.build_mlp, 64, 10, 2),
        plateau=lambda data: 9.0,
    )
    monkeypatch.setattr(transfer, "transfer_tasks", lambda texts, folder: [task])
    monkeypatch.setitem(contestants.RATES, "nominal", (0.01, 1.0))
    out, content = run("--suite=transfer", "--optimizers=sgd")
    assert {row["optimizer"] for row in content["tasks"]["point"]["results"]} == {
        *("adamw", "nominal", "mnemosyne", "sgd")
    }
    assert out.splitlines()[-1].startswith("| point | mnemosyne | ")
    (row,) = content["transfer"]
    assert row["best_factor"] == 1.0 and row["difference"] == 0.0  # the same run
