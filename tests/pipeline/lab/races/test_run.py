import dataclasses

import numpy as np
import pytest
import tf_keras as keras

from mnemosyne_tf.meta_params import MetaParams
from pipeline.lab.races import run as race_run
from pipeline.lab.races.contestants import CONTESTANTS, Contestant, candidate
from pipeline.lab.races.run import Run, Runs
from pipeline.lab.races.runs_file import Curve, RunsFile
from pipeline.lab.races.tasks.task import Task

TASK = Task("digits_mlp", None, None, 64, 10, 4, about="digits")
RUN = Run(CONTESTANTS["sgd"], 0.32, seed=0)
CURVE = Curve([10], [1.0], [0.5], [2.0], [0.25])
DATA = tuple((np.full([4, 2], value, np.float32), np.zeros(4, np.int32)) for value in (1, 2))


class FakeTrainer:
    def train(self, learning_rate, seed, on_evaluation):
        on_evaluation(CURVE)
        return CURVE


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Returns `runs(task, data)`, which train at once."""
    monkeypatch.setattr(Runs, "_trainer", lambda self, contestant: FakeTrainer())
    return lambda task=TASK, data=DATA: Runs(task, data, RunsFile(str(tmp_path)), plateau=2.3)


def test_a_finished_run_is_read_and_not_made_again(runs, monkeypatch, tmp_path):
    seen = []
    assert runs().curve(RUN, seen.append) == CURVE
    monkeypatch.delattr(Runs, "_trainer")
    assert runs().curve(RUN, seen.append) == CURVE
    assert seen == [CURVE]
    (finished,) = RunsFile(str(tmp_path / "runs.jsonl")).all()
    assert (finished.optimizer, finished.learning_rate, finished.key.seed) == ("sgd", 0.32, 0)
    assert (finished.about, finished.batch_size, finished.plateau) == ("digits", 64, 2.3)


@pytest.mark.parametrize(
    "change",
    [
        {"run": dataclasses.replace(RUN, learning_rate=0.1)},
        {"run": dataclasses.replace(RUN, seed=1)},
        {"run": dataclasses.replace(RUN, contestant=CONTESTANTS["lion"])},
        {"task": dataclasses.replace(TASK, eval_every_steps=11)},
        {"task": dataclasses.replace(TASK, starting_weights="5f")},
        {"data": (DATA[0], (DATA[1][0], DATA[1][1] + 1))},
    ],
    ids=["rate", "seed", "optimizer", "steps", "weights", "data"],
)
def test_what_shapes_a_run_is_in_its_key(runs, change):
    run = change.pop("run", RUN)
    assert runs().key(RUN) == runs().key(RUN) != runs(**change).key(run)


def mnemosyne(name, rate=1.0):
    return Run(CONTESTANTS[name], rate, 0)


def test_contestants_of_equal_settings_share_a_run(runs):
    """Untrained, Mnemosyne is its nominal rule; with another rate it is another run."""
    key = runs().key
    half, whole = (key(mnemosyne("nominal", rate)) for rate in (0.5, 1.0))
    assert key(mnemosyne("mnemosyne", 0.5)) == half != whole
    assert key(mnemosyne("mnemosyne()", 0.5)) != half


def test_sets_of_equal_rates_on_a_run_share_it(runs, tmp_path):
    """Scaling by the run changes nothing where the rates were found; elsewhere it does."""
    params = MetaParams.nominal()
    params.values["rule/batch_exponent"] = np.float32(0.25)
    params.values["rule/length_exponent"] = np.float32(0.5)
    params.save(tmp_path / "scaled.npz")
    sets = mnemosyne("nominal"), Run(candidate(str(tmp_path / "scaled.npz")), 1.0, 0)
    for change, shared in (
        ({}, True),
        ({"batch_size": 320}, False),
        ({"num_evaluations": 9}, False),
    ):
        at = {"batch_size": 160, "eval_every_steps": 60, "num_evaluations": 10} | change
        key = runs(dataclasses.replace(TASK, **at)).key
        assert (key(sets[0]) == key(sets[1])) == shared, change


def test_the_numbers_of_the_released_set_are_in_the_key_and_not_its_name(runs, monkeypatch):
    """After another set has been released, a curve of the old one must not be read."""
    key, run = runs().key, mnemosyne("mnemosyne")
    before = key(run)
    other = MetaParams.nominal()
    other.values["rule/matrix_rate"] *= 2
    monkeypatch.setattr(MetaParams, "resolve", lambda given: other)
    assert key(run) != before


def test_the_last_bit_of_a_scaled_rate_is_not_in_the_key(runs, monkeypatch):
    """Processors differ in it: a power of float32 is not rounded alike everywhere."""
    key, run = runs(dataclasses.replace(TASK, num_evaluations=90)).key, mnemosyne("mnemosyne")
    before, exact = key(run), race_run.rule_of_run

    def one_bit_higher(values, **of_run):
        scaled = exact(values, **of_run)
        rate = scaled["rule/matrix_rate"]
        return {**scaled, "rule/matrix_rate": np.nextafter(rate, np.float32(1))}

    monkeypatch.setattr(race_run, "rule_of_run", one_bit_higher)
    assert key(run) == before


def test_a_new_setting_that_is_off_and_a_module_that_moved_rename_no_run(runs, monkeypatch):
    key = runs().key
    before = key(RUN), key(Run(CONTESTANTS["adamw"], 0.1, 0))
    moved = lambda config: {  # noqa: E731
        **config,
        "parameter_roles": None,
        "learning_rate": {**config["learning_rate"], "module": "elsewhere"},
    }
    for name in ("SGD", "AdamW"):
        kept = getattr(keras.optimizers, name).get_config
        monkeypatch.setattr(
            f"tf_keras.optimizers.{name}.get_config", lambda self, kept=kept: moved(kept(self))
        )
    assert (key(RUN), key(Run(CONTESTANTS["adamw"], 0.1, 0))) == before


@pytest.mark.parametrize("optimizer", ["AdamW", "SGD"])
def test_whether_keras_compiles_an_optimizer_is_not_in_the_key(runs, monkeypatch, optimizer):
    """It does where there is a GPU."""
    key, run = runs().key, Run(CONTESTANTS[optimizer.lower()], 0.1, 0)
    kept = getattr(keras.optimizers, optimizer).get_config
    keys = set()
    for compiled in (False, True):
        monkeypatch.setattr(
            f"tf_keras.optimizers.{optimizer}.get_config",
            lambda self, compiled=compiled: {**kept(self), "jit_compile": compiled},
        )
        keys.add(key(run))
    assert len(keys) == 1


def test_the_fingerprint_of_records_takes_every_feature_in():
    ids, masks = np.zeros([2, 3], np.int32), np.ones([2, 3], np.int32)
    records = ({"input_ids": ids, "input_mask": masks}, ids)
    other = ({"input_ids": ids, "input_mask": masks + 1}, ids)
    fingerprint = race_run.fingerprint_of_data
    assert fingerprint((records, records)) != fingerprint((records, other))


def test_rates_by_role_are_in_the_key_where_they_are_not_one(runs, monkeypatch):
    """Runs from before there were any keep their keys: an entry that is one is left out."""
    key = runs().key
    ones, other = (
        Run(Contestant("m", arguments={"role_rates": {"norm": rate}}), 1.0, 0) for rate in (1, 2)
    )
    before = key(mnemosyne("mnemosyne"))
    assert key(ones) == before != key(other)
    of_run = race_run.rule_of_run
    monkeypatch.setattr(
        race_run,
        "rule_of_run",
        lambda values, **run: {
            name: each
            for name, each in of_run(values, **run).items()
            if not (name.startswith("rule/role_rate/") and each == 1)
        },
    )
    assert key(mnemosyne("mnemosyne")) == before
