import numpy as np
import pytest
import tensorflow as tf
from numeric_bounds import float32_error, rounding

from mnemosyne_tf import CoordinatewiseLSTM, Mnemosyne, RNNprop, reference
from mnemosyne_tf.meta_params import MetaParams
from mnemosyne_tf.update_rule import StepInputs
from pipeline.lab.meta_training.backprop.fully_learned import fully_learned
from pipeline.lab.meta_training.evolution.search_space import SearchSpace
from pipeline.lab.meta_training.inner_optimizer import InnerMnemosyne
from pipeline.lab.meta_training.inner_run import InnerRun
from pipeline.lab.meta_training.settings import LEARNED, TaskSettings
from pipeline.lab.meta_training.tasks.classifiers import classifier_task
from pipeline.lab.meta_training.tasks.masked_lm import copy_tokens, masked_lm_task
from pipeline.lab.races.tasks.images import load_digits

STEPS = 16
# Roundings of a step: gradients of layers of width 16 and batches of 4, there and back; the rule.
STEP = 100
# Newton-Schulz multiplies a singular value of the size of a rounding by this, in five iterations.
AMPLIFICATION = 3.4445**5
TASKS = {
    "copy": TaskSettings(num_steps=STEPS, width=8, seq_len=12, vocab_size=16, batch_size=4),
    "mlp": TaskSettings(kind="mlp", num_steps=STEPS, width=16, batch_size=4, knows_length=False),
}
# The memory is at work where the multiplier is not zero.
LEARNABLE = {
    "copy": [*LEARNED["rates"], *LEARNED["decays"], *LEARNED["schedule"]],
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
    varied = frozenset(space.values(np.zeros([1, space.num_coords])))
    return InnerRun(task, InnerMnemosyne(space.nominal, varied, **task.run_arguments))


@pytest.fixture(scope="module")
def points(space):
    points = 0.5 * np.random.default_rng(0).standard_normal([2, space.num_coords])
    points[1, 0] = 8.0  # a matrix rate three thousand times too high
    return points


@pytest.fixture(scope="module")
def trained(run, space, points):
    return run.losses_and_weights(space.values(points), seed=5)


def trained_with_keras(task, optimizer, seed):
    """The same run, step by step, with the optimizer that a user has."""
    weights = task.initial_weights(np.random.default_rng(seed))
    variables = {name: tf.Variable(value, name=name) for name, value in weights.items()}
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
    optimizer = Mnemosyne(
        **task.run_arguments, meta_params=space.meta_params(points[0]), jit_compile=False
    )
    variables, final_loss = trained_with_keras(task, optimizer, seed=5)
    assert float(losses[0, -1]) == pytest.approx(final_loss, rel=rounding(STEPS * STEP))
    # Both sum up steps of at most the rate, whose directions have roundings of their own.
    values = space.meta_params(points[0]).values
    rate = float(max(value for name, value in values.items() if name.endswith("_rate")))
    atol = 2 * STEPS * rate * AMPLIFICATION * rounding(STEP)
    for name, variable in variables.items():
        np.testing.assert_allclose(weights[name][0], variable, rtol=0, atol=atol, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["cam", "lstm", "rnnprop"])
def test_fully_learned_run_equals_the_keras_optimizer_step_by_step(kind):
    task = classifier_task("mlp", TASKS["mlp"], *load_digits()[0])
    optimizer = fully_learned(kind)
    random = np.random.RandomState(3)
    values = {
        name: optimizer.params.values[name]
        + np.float32(0.1 * random.standard_normal(optimizer.params.values[name].shape))
        for name in optimizer.varied
    }
    members = {name: value[np.newaxis] for name, value in values.items()}
    losses, _ = InnerRun(task, optimizer).losses_and_weights(members, seed=5)
    params = type(optimizer.params)(
        optimizer.params.structure, {**optimizer.params.values, **values}
    )
    keras_class = {"cam": Mnemosyne, "lstm": CoordinatewiseLSTM, "rnnprop": RNNprop}[kind]
    keras_optimizer = keras_class(meta_params=params, weight_decay=0.0, jit_compile=False)
    _, final_loss = trained_with_keras(task, keras_optimizer, seed=5)
    assert float(losses[0, -1]) == pytest.approx(final_loss, rel=rounding(STEPS * STEP))


@pytest.mark.slow
def test_members_do_not_see_each_other(run, space, points, trained):
    losses, _ = trained
    assert np.all(np.isfinite(losses[0])) and losses[1, -1] != losses[0, -1]
    # The same program, each at its own index, where arithmetic rounds alike: bits, not bounds,
    # since what explodes would magnify any difference.
    beside_itself = [
        run(space.values(points[[member, member]]), seed=5)[member] for member in (0, 1)
    ]
    np.testing.assert_array_equal(beside_itself, losses)


@pytest.mark.slow
def test_the_seed_moves_weights_and_batches(run, space, points, trained):
    assert not np.allclose(run(space.values(points), seed=6)[0], trained[0][0], rtol=1e-4)


def test_rates_follow_the_size_of_the_model_as_in_the_keras_optimizer():
    """The tasks above are too small for it; here a wide table and a matrix too many."""
    shapes = {f"dense_{i}/kernel": [8, 8] for i in range(14)} | {"word_embeddings": [4, 128]}
    random = np.random.RandomState(0)
    gradients = {
        name: tf.constant(random.randn(*shape), tf.float32) for name, shape in shapes.items()
    }
    inner = InnerMnemosyne(MetaParams.nominal())
    states = inner.init({name: tf.zeros(shape) for name, shape in shapes.items()})
    inputs = StepInputs(
        iterations=tf.constant(0, tf.int64),
        applied_steps=tf.constant(0, tf.int64),
        learning_rate=tf.constant(1.0),
        finite=tf.constant(True),
    )
    moved = inner.update(inner.meta_params({}), gradients, states, inputs)
    variables = [tf.Variable(tf.zeros(shape), name=name) for name, shape in shapes.items()]
    Mnemosyne().apply_gradients(zip(gradients.values(), variables, strict=True))
    for gradient, state, variable in zip(
        gradients.values(), moved.values(), variables, strict=True
    ):
        # Five iterations of three products of width 8; a table, elementwise, has fewer.
        direction = gradient.numpy().astype(np.float64)
        direction /= np.linalg.norm(direction)
        error = float32_error(_orthogonal, direction, operations=5 * 3 * 8)
        atol = 2 * error / np.abs(_orthogonal(direction)).max() * np.abs(variable).max()
        np.testing.assert_allclose(state.weight, variable, rtol=0, atol=atol)


def _orthogonal(matrix):
    return reference.newton_schulz(matrix, 5)
