import json

import pytest

from pipeline.benchmarks import bench, race, race_run, race_tasks


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Returns `run(*flags)`: a race of few steps and rates; what it printed and its JSON."""
    task = race_tasks.Task("digits_mlp", race_tasks.load_digits, race_tasks.build_mlp, 64, 10, 2)
    monkeypatch.setattr(race_tasks, "vision_tasks", lambda folder: [task])
    rates = {"adamw": (1e-3, 4e-3), "sgd": (0.3,), "mnemosyne": (1.0,)}
    for module in (race, race_run, race.race_table):
        monkeypatch.setattr(module, "RATES", rates)

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
    assert {row["optimizer"] for row in content["tasks"]["digits_mlp"]} == {
        "adamw",
        "sgd",
        "mnemosyne",
    }
    again, _ = run()
    assert again == out


def test_unknown_tasks_and_no_seeds_are_refused(run):
    with pytest.raises(ValueError, match="--tasks: expected some of digits_mlp, received mnist"):
        run("--tasks", "mnist")
    with pytest.raises(ValueError, match="--seeds: expected 1 or more, received 0"):
        run("--seeds", "0")
