"""Pairs of runs: what they have in common, and that a pair goes where the optimizer goes."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf
from numeric_bounds import rounding

from mnemosyne_tf import Mnemosyne
from mnemosyne_tf.learned.model_entries import ROLE_HEAD
from pipeline.lab.meta_training.inner_optimizer import InnerMnemosyne
from pipeline.lab.meta_training.pes.lever_space import LeverSpace
from pipeline.lab.meta_training.pes.particle_tasks import ParticleTasks
from pipeline.lab.meta_training.pes.particles import Particles, RunStart
from pipeline.lab.meta_training.pes.settings import PesRecipe
from pipeline.lab.meta_training.pes.story import PesTraining
from pipeline.lab.meta_training.settings import TaskSettings
from pipeline.lab.meta_training.tasks.classifiers import classifier_task
from pipeline.lab.races.tasks.images import load_digits

STEPS = 8
MLP = TaskSettings(kind="mlp", num_steps=16, width=8, num_layers=1, batch_size=4, pooling=2)
RECIPE = PesRecipe(
    levers="constants",
    tasks={"mlp": dataclasses.replace(MLP, rescaling=0.5)},
    tasks_per_step=1,
    pairs=2,
    truncation=STEPS,
    shortest_run=STEPS,
    meta_steps=3,
    evaluate_every=2,
    checkpoint_every=1,
    evaluation_seeds=1,
    final_seeds=1,
)


@pytest.fixture(scope="module")
def task():
    return classifier_task("mlp", MLP, *load_digits()[0])


def make_particles(task, recipe, rescaling):
    space = LeverSpace(recipe)
    labels = task.run_arguments.get("labels_per_step")
    optimizer = InnerMnemosyne(space.start, frozenset(space.names), labels_per_step=labels)
    return space, Particles(task, optimizer, truncation=STEPS, rescaling=rescaling)


def test_scaled_variables_begin_where_the_task_begins(task):
    _, particles = make_particles(task, RECIPE, rescaling=1.0)
    started = particles.start([RunStart(3, 16), RunStart(4, 16)])
    expected = task.initial_weights(np.random.default_rng(3))
    for name, state in started.states.items():
        scales = started.scales[name].numpy()
        # Both of a pair are at 0 and 2; the other pair has another scale.
        assert scales[0] == scales[2] != scales[1]
        np.testing.assert_allclose(state.weight[0] * scales[0], expected[name], rtol=2 * 6e-8)


@pytest.mark.slow
def test_pair_takes_the_steps_of_the_keras_optimizer_of_that_length(task):
    """The length of a run is a tensor here, a number there; sensors and memory are at work."""
    recipe = dataclasses.replace(RECIPE, levers="memory", width=4)
    space, particles = make_particles(task, recipe, rescaling=0.0)
    drawn = 0.1 * np.random.default_rng(0).standard_normal(len(space.origin))
    points = np.stack([space.origin + drawn, space.origin - drawn])
    losses, moved = particles.move(space.values(points), particles.start([RunStart(5, 16)]))
    assert losses[0] != losses[1]
    weights = task.initial_weights(np.random.default_rng(5))
    variables = {name: tf.Variable(value, name=name) for name, value in weights.items()}
    optimizer = Mnemosyne(
        **task.run_arguments, meta_params=space.meta_params(points[0]), jit_compile=False
    )
    train = tuple(tf.constant(array) for array in task.train)
    for iteration in range(STEPS):
        batch = task.train_batch(train, tf.constant([2 * iteration, 5]))
        _, gradients, _ = task.gradients(variables, batch)
        optimizer.apply_gradients([(gradients[name], variables[name]) for name in variables])
    for name, variable in variables.items():
        # Steps of at most the rate, 0.012 * 1.6 * e^2, whose directions have roundings of layers
        # of width 16, there and back, which Newton-Schulz multiplies by 3.4445 in each iteration.
        atol = 2 * STEPS * 0.15 * 3.4445**5 * rounding(100)
        np.testing.assert_allclose(moved.states[name].weight[0], variable, rtol=0, atol=atol)


@pytest.mark.parametrize(("kept_for", "is_kept"), [("run", True), ("truncation", False)])
def test_perturbation_is_kept_for_a_run_or_for_a_truncation(kept_for, is_kept):
    # All runs are of three truncations.
    settings = dataclasses.replace(RECIPE.tasks["mlp"], num_steps=3 * STEPS)
    recipe = dataclasses.replace(
        RECIPE, kept_for=kept_for, shortest_run=3 * STEPS, tasks={"mlp": settings}
    )
    tasks = ParticleTasks(
        [classifier_task("mlp", settings, *load_digits()[0])], LeverSpace(recipe), recipe
    )
    sums = []
    for meta_step in range(4):
        tasks.meta_gradient("mlp", LeverSpace(recipe).origin, meta_step)
        sums.append(tasks.state()["mlp:sums"])
    first, second, ended, other = sums
    assert np.all(first != 0.0) and not np.any(ended)
    assert np.array_equal(second, first) == is_kept
    assert not np.array_equal(other, first)


@pytest.mark.slow
def test_interrupted_meta_training_ends_with_the_numbers_of_an_uninterrupted_one(tmp_path):
    whole = PesTraining(RECIPE, output=str(tmp_path / "whole")).run()
    begun = PesTraining(RECIPE, output=str(tmp_path / "begun"))
    step = begun._meta_step
    begun._meta_step = lambda done: step(done) if done.adam.meta_step < 2 else interrupt()
    with pytest.raises(KeyboardInterrupt):
        begun.run()
    continued = PesTraining(RECIPE, output=str(tmp_path / "begun")).run()
    assert continued == whole
    rows = [
        [json.loads(line) for line in (tmp_path / name / "meta_steps.jsonl").open()]
        for name in ("whole", "begun")
    ]
    timeless = {"seconds": 0, "inner_steps_per_second": 0}
    assert [row | timeless for row in rows[0]] == [row | timeless for row in rows[1]]
    assert [sorted(row["losses"]) for row in rows[0]] == [["mlp"]] * 3
    # One that is evaluated but not learned is the rule itself.
    space = LeverSpace(RECIPE)
    assert not space.values(space.at_rest(space.origin + 1.0)[np.newaxis])[ROLE_HEAD].any()


def interrupt():
    raise KeyboardInterrupt
