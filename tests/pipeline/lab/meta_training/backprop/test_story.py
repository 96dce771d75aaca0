import json

import numpy as np
import pytest

from mnemosyne_tf import CoordinatewiseLSTM, LSTMParams
from pipeline import cli
from pipeline.lab.meta_training.backprop import story
from pipeline.lab.meta_training.backprop.settings import LearnedRecipe
from pipeline.lab.meta_training.recipe_file import load_meta_recipe
from pipeline.lab.meta_training.settings import TaskSettings

RECIPE = LearnedRecipe(
    optimizer="lstm",
    imitation_steps=4,
    meta_steps=9,
    run_lengths="20, 40, 60",
    imitation_rate=0.1,
    meta_rate=0.1,
    evaluate_every=2,
    checkpoint_every=3,
    tasks={"digits": TaskSettings(kind="mlp", num_steps=8)},
)
TARGET = 0.3


class FakeTasks:
    """Losses that are least where the bias of the answer is `TARGET`; runs count their unrolls."""

    calls_left = 10**9
    inner_steps = 80

    def __init__(self, tasks, optimizer, recipe):
        self.unrolls = np.zeros([], np.int64)

    def meta_gradients(self, stage, meta_step, values):
        if FakeTasks.calls_left == 0:
            raise KeyboardInterrupt
        FakeTasks.calls_left -= 1
        self.unrolls = self.unrolls + 1
        gradients = {name: np.zeros_like(value) for name, value in values.items()}
        distance = values["output/bias"] - np.float32(TARGET)
        gradients["output/bias"] = 2 * distance + np.float32(0.2) * self.unrolls
        return {"digits": float(distance**2)}, gradients, 0

    def state(self):
        return {"unrolls": self.unrolls}

    def restore(self, state, stages, meta_step):
        self.unrolls = state["unrolls"]
        assert int(self.unrolls) == meta_step


class FakeRuns:
    """Scores by the distance of the bias."""

    def __init__(self, tasks, optimizer, seed):
        pass

    def sweep(self, folder, num_seeds, say):
        pass

    def scores(self, values):
        return {"digits": float(abs(values["output/bias"] - TARGET))}

    def compare(self, values, num_seeds):
        return {"learned_regret": self.scores(values)["digits"]}


@pytest.fixture
def fakes(monkeypatch):
    monkeypatch.setattr(story, "TruncatedTasks", FakeTasks)
    monkeypatch.setattr(story, "FullUnrolls", FakeRuns)
    monkeypatch.setattr(FakeTasks, "calls_left", 10**9)


def log_of(folder):
    rows = [json.loads(line) for line in (folder / "meta_steps.jsonl").read_text().splitlines()]
    return [{**row, "seconds": None, "inner_steps_per_second": None} for row in rows]


def train(folder, recipe=RECIPE):
    return story.LearnedTraining(recipe, output=str(folder)).run()


@pytest.mark.usefixtures("fakes")
def test_the_best_evaluated_set_is_what_is_left(tmp_path):
    figures = train(tmp_path)
    rows = log_of(tmp_path)
    assert [row["meta_step"] for row in rows] == [*range(1, 14)]
    evaluated = {row["meta_step"]: row["score"] for row in rows if "score" in row}
    # Where a stage ends; every second one, but while it imitates.
    assert set(evaluated) == {4, 5, 6, 8, 10, 12, 13}
    assert figures["kept_meta_step"] == min(evaluated, key=evaluated.get) != 13
    assert figures["learned_regret"] == min(evaluated.values())
    found = LSTMParams.load(tmp_path / "meta_params.npz")
    assert figures["fingerprint"] == found.fingerprint()
    assert json.loads((tmp_path / "COMPLETED").read_text()) == figures
    names = [file.name for file in sorted((tmp_path / "checkpoints").iterdir())]
    assert names == [f"meta_params-{step:05d}.npz" for step in (3, 6, 9, 12)]


@pytest.mark.usefixtures("fakes")
def test_of_equal_sets_the_newest_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr(FakeRuns, "scores", lambda runs, values: {"digits": 0.5})
    assert train(tmp_path)["kept_meta_step"] == 13


@pytest.mark.usefixtures("fakes")
@pytest.mark.parametrize("calls", [2, 5, 6, 12])
def test_interrupted_and_run_again_equals_uninterrupted(tmp_path, calls):
    figures = train(tmp_path / "whole")
    FakeTasks.calls_left = calls
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "parts")
    FakeTasks.calls_left = 10**9
    assert train(tmp_path / "parts") == figures
    assert log_of(tmp_path / "parts") == log_of(tmp_path / "whole")


SMALL = (
    "{optimizer: lstm, imitation_steps: 1, meta_steps: 4, run_lengths: '2, 4', unroll_length: 2, "
    "runs_at_once: 2, checkpoint_every: 1, sweep_seeds: 1, final_seeds: 1, "
    "tasks: {digits: {kind: mlp, num_steps: 8, width: 4, batch_size: 4}}}"
)


@pytest.mark.slow
def test_real_runs_go_on_bit_for_bit_where_they_were_interrupted(tmp_path, monkeypatch):
    monkeypatch.setattr(story, "FullUnrolls", FakeRuns)
    (tmp_path / "r.yaml").write_text(SMALL)
    recipe = load_meta_recipe(str(tmp_path / "r.yaml"))
    train(tmp_path / "whole", recipe)
    save = story.MetaFolder.save_meta_step

    def save_and_die(folder, row, state):
        save(folder, row, state)
        if row["meta_step"] == 4:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(story.MetaFolder, "save_meta_step", save_and_die)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / "parts", recipe)
    train(tmp_path / "parts", recipe)
    assert log_of(tmp_path / "parts") == log_of(tmp_path / "whole")
    assert len({row["meta_loss"] for row in log_of(tmp_path / "whole")}) == 5
    states = [np.load(tmp_path / folder / "state.npz") for folder in ("whole", "parts")]
    for name in states[0].files:
        np.testing.assert_array_equal(states[0][name], states[1][name], err_msg=name)


@pytest.mark.slow
def test_the_command_learns_on_real_tasks(tmp_path, capsys):
    (tmp_path / "r.yaml").write_text(SMALL)
    flags = ["--recipe", str(tmp_path / "r.yaml"), "--output", str(tmp_path / "out")]
    assert cli.main(["meta-train", *flags]) == 0
    printed = capsys.readouterr()
    assert "inner steps/s" in printed.err and "elementwise rule, best at" in printed.err
    assert printed.out.startswith("meta-train: mean regret ") and "; digits " in printed.out
    optimizer = CoordinatewiseLSTM(meta_params=tmp_path / "out" / "meta_params.npz")
    assert optimizer.meta_params.fingerprint() != LSTMParams.untrained().fingerprint()
    assert list((tmp_path / "out" / "tensorboard").iterdir())
