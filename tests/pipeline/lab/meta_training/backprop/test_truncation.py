import numpy as np
import pytest
import tensorflow as tf

from pipeline.lab.meta_training.backprop.fully_learned import fully_learned
from pipeline.lab.meta_training.backprop.truncation import RunInitializer
from pipeline.lab.meta_training.settings import TaskSettings
from pipeline.lab.meta_training.tasks.classifiers import classifier_task
from pipeline.lab.races.tasks.images import load_digits


@pytest.fixture(scope="module")
def task():
    settings = TaskSettings(kind="mlp", num_steps=8, width=6, batch_size=4)
    return classifier_task("mlp", settings, *load_digits()[0])


@pytest.mark.parametrize(("kind", "floats"), [("cam", 74), ("lstm", 80), ("rnnprop", 82)])
def test_all_three_keep_about_as_much_of_a_weight(task, kind, floats):
    runs = RunInitializer(task, fully_learned(kind), None).initial([5, 6])
    state = runs.states["dense_0/kernel"]
    kept = sum(np.size(part) for part in tf.nest.flatten(state)) - np.size(state.weight)
    assert kept / np.size(state.weight) == floats


def test_some_runs_are_reset_and_the_others_kept(task):
    initializer = RunInitializer(task, fully_learned("rnnprop"), None)
    runs, new = initializer.initial([5, 6]), initializer.initial([7])
    reset = initializer.reset(runs, {1: 7})
    for after, before, initial in zip(*map(tf.nest.flatten, (reset, runs, new)), strict=True):
        np.testing.assert_array_equal(after[0], before[0])
        np.testing.assert_array_equal(after[1], initial[0])
