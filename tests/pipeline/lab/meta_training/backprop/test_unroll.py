import numpy as np
import pytest
import tensorflow as tf
from numeric_bounds import rounding

from mnemosyne_tf.update_rule import StepInputs
from pipeline.lab.meta_training.backprop.fully_learned import fully_learned
from pipeline.lab.meta_training.backprop.unroll import MAX_LOG_LOSS, Unroll, nominal_elementwise
from pipeline.lab.meta_training.settings import TaskSettings
from pipeline.lab.meta_training.tasks.classifiers import classifier_task
from pipeline.lab.races.tasks.images import load_digits

UNROLL_LENGTH = 3


@pytest.fixture(scope="module")
def task():
    settings = TaskSettings(kind="mlp", num_steps=8, width=6, batch_size=4)
    return classifier_task("mlp", settings, *load_digits()[0])


def live_values(optimizer):
    random = np.random.RandomState(3)
    return {
        name: optimizer.params.values[name]
        + np.float32(0.1 * random.standard_normal(optimizer.params.values[name].shape))
        for name in sorted(optimizer.varied)
    }


def standing_still():
    """An LSTM whose answer is zero, and its values."""
    optimizer = fully_learned("lstm")
    values = {name: optimizer.params.values[name] for name in optimizer.varied}
    zeros = {name: np.zeros_like(values[name]) for name in ("output/kernel", "output/bias")}
    return optimizer, {**values, **zeros}


def unroll_of(task, optimizer, *, is_imitation=False):
    return Unroll(task, optimizer, unroll_length=UNROLL_LENGTH, is_imitation=is_imitation)


def differentiated_step_by_step(task, optimizer, values, seed):
    """log(loss + 0.05) of one run, differentiated by the tape through the task itself."""
    weights = task.initial_weights(np.random.default_rng(seed))
    states = optimizer.init({name: tf.constant(each) for name, each in weights.items()})
    values = {name: tf.constant(value) for name, value in values.items()}
    train, losses = tuple(tf.constant(array) for array in task.train), []
    with tf.GradientTape() as tape:
        tape.watch(values)
        meta_params = optimizer.meta_params(values)
        for i in range(UNROLL_LENGTH):
            batch = task.train_batch(train, tf.constant([2 * i, seed]))
            weights = {name: state.weight for name, state in states.items()}
            _, gradients, finite = task.gradients(weights, batch)
            losses.append(tf.math.log(task.loss(weights, batch) + 0.05))
            count = tf.constant(i, tf.int64)
            inputs = StepInputs(count, count, tf.constant(1.0), finite)
            gradients = {name: tf.stop_gradient(each) for name, each in gradients.items()}
            states = optimizer.update(meta_params, gradients, states, inputs)
        meta_loss = tf.reduce_mean(tf.stack(losses))
    return meta_loss, tape.gradient(meta_loss, values)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["cam", "lstm", "rnnprop"])
def test_meta_gradient_is_that_of_the_tape_through_task_and_steps(task, kind):
    optimizer = fully_learned(kind)
    values = live_values(optimizer)
    unroll = unroll_of(task, optimizer)
    losses, gradients, _ = unroll(values, unroll.initializer.initial([5, 6]))
    largest = max(np.abs(each).max() for each in gradients.values())
    assert largest > 1e-4
    for run, seed in enumerate((5, 6)):
        loss, of_run = differentiated_step_by_step(task, optimizer, values, seed)
        # A step has about 100 roundings of the rule and twice 64 of the layers, there and back.
        step = 100 + 4 * 64
        assert losses[:, run].mean() == pytest.approx(
            float(loss), rel=rounding(UNROLL_LENGTH * step)
        )
        # Derivatives go back through all steps and add up over 400 weights, whose terms are some
        # ten times the largest sum.
        atol = 10 * rounding(2 * UNROLL_LENGTH * step) * largest
        for name, gradient in gradients.items():
            expected = 0 if of_run[name] is None else of_run[name]
            np.testing.assert_allclose(gradient[run], expected, rtol=0, atol=atol, err_msg=name)


@pytest.mark.slow
def test_a_run_that_exploded_says_so_and_its_neighbour_learns_as_if_alone(task):
    optimizer = fully_learned("rnnprop")
    values = live_values(optimizer)
    unroll = unroll_of(task, optimizer)
    runs = unroll.initializer.initial([5, 6])
    well = unroll(values, runs)
    kernel = runs.states["dense_0/kernel"]
    far = tf.tensor_scatter_nd_update(kernel.weight, [[0]], [tf.fill([64, 6], np.nan)])
    runs.states["dense_0/kernel"] = kernel._replace(weight=far)
    losses, gradients, _ = unroll(values, runs)
    assert not np.any(losses[:, 0] < MAX_LOG_LOSS)
    np.testing.assert_array_equal(losses[:, 1], well[0][:, 1])
    for name, gradient in gradients.items():
        np.testing.assert_array_equal(gradient[1], well[1][name][1], err_msg=name)


@pytest.mark.slow
def test_an_answer_of_zero_has_loss_one_and_the_nominal_rule_none(task):
    for (optimizer, values), expected in (
        (standing_still(), 1.0),
        ((nominal_elementwise(), {}), 0.0),
    ):
        unroll = unroll_of(task, optimizer, is_imitation=True)
        losses, _, runs = unroll(values, unroll.initializer.initial([5, 6]))
        # A step of a thousandth, read off weights of up to 1: a thousand times their rounding.
        np.testing.assert_allclose(losses, expected, rtol=0, atol=rounding(1_000))
        assert runs.iteration.numpy().tolist() == [UNROLL_LENGTH] * 2
