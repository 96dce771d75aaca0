import json

import numpy as np
import pytest
from numeric_bounds import rounding

from mnemosyne_tf import Mnemosyne
from mnemosyne_tf.meta_params import MetaParams
from pipeline import cli
from pipeline.lab.meta_training.evolution import story
from pipeline.lab.meta_training.settings import MetaRecipe, TaskSettings

TASKS = {
    "first": TaskSettings(num_steps=16, seq_len=12),
    "second": TaskSettings(kind="mlp", num_steps=16),
}
RECIPE = MetaRecipe(
    meta_steps=12, members=6, members_at_once=3, tasks_per_step=1, checkpoint_every=5, tasks=TASKS
)
BEST_RATE = 0.03


class FakeRun:
    """Instead of training: the loss is least where the matrix rate is `BEST_RATE`, with noise."""

    calls_left = 10**9

    def __init__(self, task, optimizer):
        self.task = task

    def __call__(self, values, seed):
        if FakeRun.calls_left == 0:
            raise KeyboardInterrupt
        FakeRun.calls_left -= 1
        noise = np.random.default_rng(seed).random() / 100
        distance = np.log(values["rule/matrix_rate"].astype(np.float64) / BEST_RATE)
        return np.exp(distance**2 + noise)[:, np.newaxis].repeat(8, axis=1)


@pytest.fixture
def fake_runs(monkeypatch):
    monkeypatch.setattr(story, "InnerRun", FakeRun)
    monkeypatch.setattr(FakeRun, "calls_left", 10**9)


def log_of(folder):
    rows = [json.loads(line) for line in (folder / "meta_steps.jsonl").read_text().splitlines()]
    timeless = {"seconds": None, "inner_steps_per_second": None}
    return [{**row, **timeless} for row in rows]


def train(folder, recipe=RECIPE):
    return story.MetaTraining(recipe, output=str(folder)).run()


@pytest.mark.usefixtures("fake_runs")
def test_it_nears_the_best_rate_and_keeps_what_it_found(tmp_path):
    figures = train(tmp_path)
    found = MetaParams.load(tmp_path / "meta_params.npz")
    rate = float(found.values["rule/matrix_rate"])
    assert abs(np.log(rate / BEST_RATE)) < abs(np.log(0.012 / BEST_RATE)) / 3
    assert figures["learned_regret"] < figures["nominal_regret"]
    assert figures["fingerprint"] == found.fingerprint()
    assert figures["learned"]["rule/matrix_rate"] == pytest.approx(rate)
    assert json.loads((tmp_path / "COMPLETED").read_text()) == figures
    names = [file.name for file in sorted((tmp_path / "checkpoints").iterdir())]
    assert names == ["meta_params-00005.npz", "meta_params-00010.npz"]
    assert Mnemosyne(meta_params=tmp_path / "meta_params.npz").meta_params.values.keys()


@pytest.mark.usefixtures("fake_runs")
def test_the_result_is_the_mean_over_the_last_half_of_the_meta_steps(tmp_path):
    figures = train(tmp_path)
    rates = [row["learned"]["rule/matrix_rate"] for row in log_of(tmp_path)]
    # Rates of the log and of the result are float32, up to e^-5: the logarithm is five times 1.
    geometric_mean = np.exp(np.mean(np.log(rates[6:])))  # a rate's coordinate is its logarithm
    assert figures["learned"]["rule/matrix_rate"] == pytest.approx(geometric_mean, rel=rounding(10))


@pytest.mark.usefixtures("fake_runs")
@pytest.mark.parametrize("calls", [3, 11, 20, 31])
def test_interrupted_and_run_again_equals_uninterrupted(tmp_path, calls):
    figures = train(tmp_path / "whole")
    FakeRun.calls_left = calls
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "parts")
    assert not (tmp_path / "parts" / "COMPLETED").exists()
    FakeRun.calls_left = 10**9
    assert train(tmp_path / "parts") == figures
    assert log_of(tmp_path / "parts") == log_of(tmp_path / "whole")


@pytest.mark.usefixtures("fake_runs")
def test_a_row_without_its_state_is_written_anew(tmp_path):
    train(tmp_path / "whole")
    train(tmp_path / "parts")
    (tmp_path / "parts" / "COMPLETED").unlink()
    # As if killed between the log and the state of the fourth meta-step.
    lines = (tmp_path / "parts" / "meta_steps.jsonl").read_text().splitlines(keepends=True)
    row = json.loads(lines[2])
    (tmp_path / "parts" / "meta_steps.jsonl").write_text("".join(lines[:4]) + '{"meta_st')
    state = {"mean": row["mean"], "deviation": row["deviation"], "generation": row["meta_step"]}
    np.savez(tmp_path / "parts" / "state.npz", **state)
    train(tmp_path / "parts")
    assert log_of(tmp_path / "parts") == log_of(tmp_path / "whole")


@pytest.mark.usefixtures("fake_runs")
def test_a_finished_folder_is_left_alone_and_another_recipe_refused(tmp_path, capsys):
    figures = train(tmp_path)
    FakeRun.calls_left = 0
    assert train(tmp_path) == figures
    assert "already complete" in capsys.readouterr().err
    other = MetaRecipe(**{**vars(RECIPE), "members": 12})
    with pytest.raises(ValueError, match="other settings: members: 6 -> 12"):
        train(tmp_path, other)
    # The recipe must not name more meta-steps than the figures are of.
    more = MetaRecipe(**{**vars(RECIPE), "meta_steps": RECIPE.meta_steps + 1})
    with pytest.raises(ValueError, match="other settings: meta_steps.*delete COMPLETED"):
        train(tmp_path, more)
    (tmp_path / "COMPLETED").unlink()  # now it may continue
    FakeRun.calls_left = 10**9
    train(tmp_path, more)
    assert len(log_of(tmp_path)) == more.meta_steps


@pytest.mark.usefixtures("fake_runs")
def test_every_task_comes_up_before_any_comes_up_again(tmp_path):
    train(tmp_path)
    names = [next(iter(row["regrets"])) for row in log_of(tmp_path)]
    assert all({*names[i : i + 2]} == {"first", "second"} for i in range(0, 12, 2))


@pytest.mark.slow
def test_the_command_learns_on_real_tasks(tmp_path, capsys):
    (tmp_path / "r.yaml").write_text(
        "{members: 2, members_at_once: 2, meta_steps: 1, tasks_per_step: 1, sweep_seeds: 1, "
        "final_seeds: 1, tasks: {digits: {kind: mlp, num_steps: 16, width: 16}}}"
    )
    flags = ["--recipe", str(tmp_path / "r.yaml"), "--output", str(tmp_path / "out")]
    assert cli.main(["meta-train", *flags]) == 0
    printed = capsys.readouterr()
    assert "inner steps/s" in printed.err
    assert printed.out.startswith("meta-train: mean regret ")
    assert printed.out.strip().endswith("out/meta_params.npz")
    assert list((tmp_path / "out" / "tensorboard").iterdir())
