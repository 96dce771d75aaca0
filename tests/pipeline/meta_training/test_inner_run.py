import numpy as np
import pytest
import tensorflow as tf

from mnemosyne_tf import Mnemosyne
from mnemosyne_tf.meta_params import MetaParams
from pipeline.benchmarks.race_tasks import load_digits
from pipeline.meta_training.classifiers import classifier_task
from pipeline.meta_training.inner_run import InnerRun
from pipeline.meta_training.masked_lm import copy_tokens, masked_lm_task
from pipeline.meta_training.search_space import SearchSpace
from pipeline.meta_training.settings import LEARNED, TaskSettings

STEPS = 16
TASKS = {
    "copy": TaskSettings(num_steps=STEPS, width=8, seq_len=12, vocab_size=16, batch_size=4),
    "mlp": TaskSettings(kind="mlp", num_steps=STEPS, width=16, batch_size=4, knows_length=False),
}
# The memory is at work where the multiplier is not zero.
LEARNABLE = {
    "copy": [*LEARNED["rates"], *LEARNED["decays"], *LEARNED["warmup"]],
    "mlp": [*LEARNED["rates"], *LEARNED["multiplier"], *LEARNED["memory"]],
}


@pytest.fixture(scope="module", params=TASKS)
def task(request):
    settings = TASKS[request.param]
    if request.param == "copy":
        return masked_lm_task("copy", settings, copy_tokens(settings, seed=0))
    return classifier_task("mlp", settings, *load_digits()[0])


@pytest.fixture(scope="module")
def space(task):
    return SearchSpace(MetaParams.nominal(), LEARNABLE[task.name])


@pytest.fixture(scope="module")
def run(task, space):
    return InnerRun(task, space.nominal, space.values(np.zeros([1, space.num_coords])))


@pytest.fixture(scope="module")
def points(space):
    points = 0.5 * np.random.default_rng(0).standard_normal([2, space.num_coords])
    points[1, 0] = 8.0  # a matrix rate three thousand times too high
    return points


@pytest.fixture(scope="module")
def trained(run, space, points):
    return run.losses_and_weights(space.values(points), seed=5)


def trained_with_keras(task, meta_params, seed):
    """The same run, step by step, with the optimizer that a user has."""
    weights = task.initial_weights(np.random.default_rng(seed))
    variables = {name: tf.Variable(value, name=name) for name, value in weights.items()}
    total_steps = task.num_steps if task.knows_length else None
    optimizer = Mnemosyne(total_steps=total_steps, meta_params=meta_params, jit_compile=False)
    optimizer.build(list(variables.values()))
    train = tuple(tf.constant(array) for array in task.train)

    @tf.function
    def step(iteration):
        batch = task.train_batch(train, tf.stack([2 * iteration, seed]))
        with tf.GradientTape() as tape:
            loss = task.loss(variables, batch)
        gradients = tape.gradient(loss, list(variables.values()))
        optimizer.apply_gradients(zip(gradients, variables.values(), strict=True))

    for iteration in range(task.num_steps):
        step(tf.constant(iteration))
    return variables, float(task.loss(variables, task.heldout_batch()))


@pytest.mark.slow
def test_compiled_run_equals_the_keras_optimizer_step_by_step(task, space, points, trained):
    losses, weights = trained
    variables, final_loss = trained_with_keras(task, space.meta_params(points[0]), seed=5)
    assert float(losses[0, -1]) == pytest.approx(final_loss, rel=1e-5)
    for name, variable in variables.items():
        np.testing.assert_allclose(weights[name][0], variable, rtol=1e-3, atol=2e-5, err_msg=name)


@pytest.mark.slow
def test_members_do_not_see_each_other(run, space, points, trained):
    losses, _ = trained
    assert np.all(np.isfinite(losses[0])) and losses[1, -1] != losses[0, -1]
    swapped = run(space.values(points[::-1]), seed=5)
    np.testing.assert_allclose(swapped[::-1], losses, rtol=1e-5)


@pytest.mark.slow
def test_the_seed_moves_weights_and_batches(run, space, points, trained):
    assert not np.allclose(run(space.values(points), seed=6)[0], trained[0][0], rtol=1e-4)
