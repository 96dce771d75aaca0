import dataclasses
import json

import numpy as np
import pytest

from pipeline.benchmarks import race_run, race_tasks
from pipeline.benchmarks.race_run import RATES, Run

TASK = race_tasks.Task("digits_mlp", race_tasks.load_digits, race_tasks.build_mlp, 64, 10, 4)
RUN = Run("digits_mlp", "sgd", 0.32, seed=0)


@pytest.fixture(scope="module")
def data():
    return race_tasks.load_digits()


def cached(run, task, data, folder):
    digest = race_run.digest(data)
    return race_run.cached_run(run, task, data, data_digest=digest, folder=str(folder))


@pytest.fixture(scope="module")
def curve(data):
    return race_run.train(RUN, TASK, data)


def test_a_run_learns_and_is_judged_as_often_as_the_task_says(curve):
    assert curve.steps == [10, 20, 30, 40]
    assert curve.losses[-1] < 0.7 * curve.losses[0]
    assert curve.accuracies[-1] > 0.6
    assert curve.seconds == sorted(curve.seconds)


def test_a_run_of_a_seed_repeats_and_another_seed_differs(curve, data):
    assert race_run.train(RUN, TASK, data).losses == curve.losses
    other = dataclasses.replace(RUN, seed=1)
    assert race_run.train(other, TASK, data).losses != curve.losses


def test_a_finished_run_is_read_and_not_run_again(curve, data, tmp_path, monkeypatch):
    monkeypatch.setattr(race_run, "train", lambda run, task, data: curve)
    assert cached(RUN, TASK, data, tmp_path) == curve
    monkeypatch.delattr(race_run, "train")
    assert cached(RUN, TASK, data, tmp_path) == curve


@pytest.mark.parametrize("change", ["rate", "steps", "data"])
def test_what_shapes_a_run_tells_its_file_from_others(curve, data, tmp_path, monkeypatch, change):
    monkeypatch.setattr(race_run, "train", lambda run, task, data: curve)
    cached(RUN, TASK, data, tmp_path)
    run, task = RUN, TASK
    if change == "rate":
        run = dataclasses.replace(RUN, learning_rate=0.1)
    if change == "steps":
        task = dataclasses.replace(TASK, eval_every_steps=11)
    if change == "data":
        data = (data[0], (data[1][0] + np.float32(1), data[1][1]))
    cached(run, task, data, tmp_path)
    files = list(tmp_path.iterdir())
    assert len(files) == 2
    assert all(json.loads(file.read_text())["run"]["optimizer"] == "sgd" for file in files)


def test_rivals_are_swept_over_six_rates_and_ours_over_none():
    assert {name: len(rates) for name, rates in RATES.items() if len(rates) != 6} == {
        "mnemosyne": 1,
        "mnemosyne()": 1,
    }


def test_the_six_lines_are_told_nothing():
    told = race_run.make_optimizer(Run("t", "mnemosyne", 1.0, 0), 77)
    bare = race_run.make_optimizer(Run("t", "mnemosyne()", 1.0, 0), 77)
    assert (told.get_config()["total_steps"], bare.get_config()["total_steps"]) == (77, None)


def test_a_rival_that_averages_is_judged_at_its_average_and_goes_on_where_it_was(data):
    """With one evaluation or four, training must take the same course."""
    run = Run("digits_mlp", "schedule_free_adamw", 0.008, 0)
    often = race_run.train(run, TASK, data)
    once = race_run.train(
        run, dataclasses.replace(TASK, eval_every_steps=40, num_evaluations=1), data
    )
    assert often.losses[-1] == pytest.approx(once.losses[-1], rel=1e-3)
