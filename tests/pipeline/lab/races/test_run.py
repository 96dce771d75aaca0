import dataclasses
import json

import numpy as np
import pytest

from mnemosyne_tf.meta_params import MetaParams
from pipeline.lab.races import run as race_run
from pipeline.lab.races import tasks
from pipeline.lab.races.run import Curve, Run, Runs

TASK = tasks.Task("digits_mlp", None, None, 64, 10, 4)
RUN = Run("sgd", 0.32, seed=0)
CURVE = Curve([10], [1.0], [0.5], [2.0], [0.25])
DATA = tuple((np.full([4, 2], value, np.float32), np.zeros(4, np.int32)) for value in (1, 2))


class FakeTrainer:
    def train(self, learning_rate, seed, on_evaluation):
        on_evaluation(CURVE)
        return CURVE


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Returns `runs(task, data)`, which train at once."""
    monkeypatch.setattr(Runs, "_trainer", lambda self, optimizer: FakeTrainer())
    return lambda task=TASK, data=DATA: Runs(task, data, str(tmp_path))


def test_a_finished_run_is_read_and_not_run_again(runs, monkeypatch, tmp_path):
    seen = []
    assert runs().curve(RUN, seen.append) == CURVE
    monkeypatch.delattr(Runs, "_trainer")
    assert runs().curve(RUN, seen.append) == CURVE
    assert seen == [CURVE]
    (file,) = tmp_path.iterdir()
    assert json.loads(file.read_text())["run"] == dataclasses.asdict(RUN)


@pytest.mark.parametrize(
    "change",
    [
        {"run": dataclasses.replace(RUN, learning_rate=0.1)},
        {"run": dataclasses.replace(RUN, seed=1)},
        {"run": dataclasses.replace(RUN, optimizer="lion")},
        {"task": dataclasses.replace(TASK, eval_every_steps=11)},
        {"data": (DATA[0], (DATA[1][0], DATA[1][1] + 1))},
    ],
    ids=["rate", "seed", "optimizer", "steps", "data"],
)
def test_what_shapes_a_run_tells_its_file_from_others(runs, tmp_path, change):
    run = change.pop("run", RUN)
    assert runs().path(RUN) == runs().path(RUN) != runs(**change).path(run)


def test_optimizers_of_equal_settings_share_a_run(runs):
    """Untrained, Mnemosyne is its nominal rule; with another rate it is another run."""
    path = runs().path
    half, whole = (path(Run("nominal", rate, 0)) for rate in (0.5, 1.0))
    assert path(Run("mnemosyne", 0.5, 0)) == half != whole
    assert path(Run("mnemosyne()", 0.5, 0)) != half


def test_sets_of_equal_rates_on_a_run_share_it(runs, tmp_path):
    """What follows the run changes nothing where the rates were found; elsewhere it does."""
    params = MetaParams.nominal()
    params.values["rule/batch_exponent"] = np.float32(0.25)
    params.values["rule/length_exponent"] = np.float32(0.5)
    params.save(tmp_path / "scaled.npz")
    sets = [Run(name, 1.0, 0) for name in ("nominal", f"mnemosyne:{tmp_path / 'scaled.npz'}")]
    for change, shared in (
        ({}, True),
        ({"batch_size": 320}, False),
        ({"num_evaluations": 9}, False),
    ):
        at = {"batch_size": 160, "eval_every_steps": 60, "num_evaluations": 10} | change
        path = runs(dataclasses.replace(TASK, **at)).path
        assert (path(sets[0]) == path(sets[1])) == shared, change


def test_numbers_and_not_the_name_of_what_ships_tell_a_run(runs, monkeypatch):
    """After another set has become the built-in one, a curve of the old one must not be read."""
    path, run = runs().path, Run("mnemosyne", 1.0, 0)
    before = path(run)
    other = MetaParams.nominal()
    other.values["rule/matrix_rate"] *= 2
    monkeypatch.setattr(MetaParams, "resolve", lambda given: other)
    assert path(run) != before


def test_the_hash_of_records_takes_every_feature_in():
    ids, masks = np.zeros([2, 3], np.int32), np.ones([2, 3], np.int32)
    records = ({"input_ids": ids, "input_mask": masks}, ids)
    other = ({"input_ids": ids, "input_mask": masks + 1}, ids)
    assert race_run.digest((records, records)) != race_run.digest((records, other))
