import numpy as np
import pytest
import tensorflow as tf
from numeric_bounds import rounding

from pipeline.lab.meta_training.backprop.fully_learned import fully_learned
from pipeline.lab.meta_training.backprop.truncation import FreshRuns
from pipeline.lab.meta_training.settings import TaskSettings
from pipeline.lab.meta_training.tasks.classifiers import classifier_task
from pipeline.lab.races.tasks import load_digits


@pytest.fixture(scope="module")
def task():
    settings = TaskSettings(kind="mlp", num_steps=8, width=6, batch_size=4)
    return classifier_task("mlp", settings, *load_digits()[0])


@pytest.mark.parametrize(("kind", "floats"), [("cam", 74), ("lstm", 80), ("rnnprop", 82)])
def test_all_three_keep_about_as_much_of_a_weight(task, kind, floats):
    runs = FreshRuns(task, fully_learned(kind), None).make([5, 6])
    state = runs.states["dense_0/kernel"]
    kept = sum(np.size(part) for part in tf.nest.flatten(state)) - np.size(state.weight)
    assert kept / np.size(state.weight) == floats


def test_fresh_runs_take_the_place_of_some_alone(task):
    fresh = FreshRuns(task, fully_learned("rnnprop"), None)
    runs, new = fresh.make([5, 6]), fresh.make([7])
    replaced = fresh.replace(runs, {1: 7})
    for after, before, fresh_part in zip(*map(tf.nest.flatten, (replaced, runs, new)), strict=True):
        np.testing.assert_array_equal(after[0], before[0])
        np.testing.assert_array_equal(after[1], fresh_part[0])


def test_stored_weights_are_rescaled_by_a_factor_of_the_run_and_one_of_the_tensor(task):
    fresh = FreshRuns(task, fully_learned("lstm"), None, global_rescale=100.0, tensor_rescale=10.0)
    runs = fresh.make([5, 6])
    weights = task.initial_weights(np.random.default_rng(5))
    for name, state in runs.states.items():
        used = state.weight[0] * runs.scales[name][0]
        # Two factors each way, and the powers that they are drawn as.
        np.testing.assert_allclose(used, weights[name], rtol=rounding(8), err_msg=name)
    drawn = {float(scale[0]) for scale in runs.scales.values()}
    assert len(drawn) == len(weights) and max(drawn) / min(drawn) < 100.0
