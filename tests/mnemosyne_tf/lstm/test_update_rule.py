"""The LSTM update: what it sees, how far it may go, that it can be learned."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from mnemosyne_tf import LSTMParams, LSTMStructure
from mnemosyne_tf.lstm import update_rule
from mnemosyne_tf.lstm.update_rule import LSTMState, log_and_sign
from mnemosyne_tf.update_rule import StepInputs

INPUTS = ("log_sign", "moments")
EPS = float(np.finfo(np.float32).eps)


def make_step(params, weight_decay=0.0, values=None):
    if values is None:
        values = {name: tf.constant(value) for name, value in params.values.items()}
    return functools.partial(
        update_rule.update, values, structure=params.structure, weight_decay=weight_decay
    )


def start_state(weight, params):
    weight = tf.convert_to_tensor(weight)
    cells = tf.zeros([weight.shape.num_elements(), *params.structure.state_shape])
    zeros = tf.zeros(weight.shape)
    return LSTMState(weight, cells, (zeros, zeros) if len(params.values) > 8 else ())


def inputs_at(applied_steps, finite=True):
    steps = tf.constant(applied_steps, tf.int64)
    return StepInputs(steps, steps, tf.constant(1.0), tf.constant(finite))


def small_params(inputs):
    return LSTMParams.untrained(LSTMStructure(inputs=inputs, units=3))


def test_log_and_sign_are_those_of_the_paper():
    gradient = [1.0, -np.exp(5.0), np.exp(-10.0), 0.5 * np.exp(-10.0), 0.0]
    expected = [[0.0, 1.0], [0.5, -1.0], [-1.0, 1.0], [-1.0, 0.5], [-1.0, 0.0]]
    # Gradient, e^-10, their quotient or the logarithm over 10: four roundings of numbers up to 1,
    # and e^5 and e^-10 round to float32.
    atol = 6 * EPS
    np.testing.assert_allclose(
        log_and_sign(tf.constant(gradient, tf.float32)), expected, rtol=0, atol=atol
    )


@pytest.mark.parametrize("inputs", INPUTS)
def test_every_coordinate_is_alone(inputs):
    params, random = small_params(inputs), np.random.RandomState(0)
    step, whole = make_step(params), start_state(np.ones(4, np.float32), small_params(inputs))
    part = start_state(np.ones(1, np.float32), params)
    for t in range(3):
        gradient = np.float32(random.standard_normal(4))
        whole = step(tf.constant(gradient), whole, inputs_at(t))
        part = step(tf.constant(gradient[2:3]), part, inputs_at(t))
    # Weights near 1 move three times by at most 0.1: sums of 5 to 6 terms for each gate.
    np.testing.assert_allclose(whole.weight[2:3], part.weight, rtol=0, atol=3 * 8 * EPS)
    assert len(np.unique(whole.weight)) == 4


def test_scale_of_the_loss_is_not_seen_by_engineered_inputs():
    params, moved = small_params("moments"), []
    for scale in (1e-3, 1.0, 1e3):
        state, step = start_state(np.zeros(5, np.float32), params), make_step(params)
        for t in range(4):
            gradient = tf.constant(scale * np.random.RandomState(t).randn(5), tf.float32)
            state = step(gradient, state, inputs_at(t))
        moved.append(state.weight.numpy())
    # Inside the root stands 1e-16: a gradient of 1e-3 x moves by 1e-10 / x^2, below 1e-6 here. The
    # answers are off by some tens of roundings, and a weight sums four of at most 0.1.
    smallest = min(np.abs(np.random.RandomState(t).randn(5)).min() for t in range(4))
    atol = 4 * 0.1 * (1e-10 / smallest**2 + 64 * EPS)
    assert atol < 1e-5
    np.testing.assert_allclose(moved[0], moved[1], rtol=0, atol=atol)
    np.testing.assert_allclose(moved[2], moved[1], rtol=0, atol=atol)


@pytest.mark.parametrize("inputs", INPUTS)
def test_steps_are_bounded_whatever_the_gradient(inputs):
    params, random = small_params(inputs), np.random.RandomState(0)
    bound = 0.1
    if inputs == "log_sign":
        bound *= np.abs(params.values["output/kernel"]).sum()
    state, step = start_state(np.zeros(50, np.float32), params), make_step(params)
    for t in range(20):
        gradient = random.standard_cauchy(50) * 10.0 ** random.randint(-12, 12)
        before, state = state, step(tf.constant(gradient, tf.float32), state, inputs_at(t))
        moved = np.abs(state.weight - before.weight)
        # Weights stay below 20 bounds and are rounded before and after.
        assert 0 < moved.max() <= bound * (1 + 20 * EPS)


def test_decay_takes_its_share_of_the_weight():
    params = small_params("moments")
    state = start_state(np.full(3, 2.0, np.float32), params)
    gradient = tf.constant([1.0, -1.0, 0.5])
    plain, decayed = (
        make_step(params, decay)(gradient, state, inputs_at(0)).weight for decay in (0.0, 0.25)
    )
    # Differences of two weights near 2, each rounded a few times.
    np.testing.assert_allclose(plain - decayed, np.full(3, 0.5), rtol=0, atol=8 * EPS)


@pytest.mark.parametrize("inputs", INPUTS)
def test_step_that_is_not_finite_returns_every_bit_of_the_state(inputs):
    params = small_params(inputs)
    step = make_step(params)
    state = step(tf.ones([4]), start_state(np.ones(4, np.float32), params), inputs_at(0))
    after = step(tf.fill([4], np.nan), state, inputs_at(1, finite=False))
    for old, new in zip(tf.nest.flatten(state), tf.nest.flatten(after), strict=True):
        assert np.array_equal(old.numpy(), new.numpy())


@pytest.mark.parametrize("inputs", INPUTS)
def test_meta_training_has_a_gradient_that_goes_downhill(inputs):
    params = small_params(inputs)
    rule = {name for name in params.values if name.startswith("rule/")}
    variables = {name: tf.Variable(value) for name, value in params.values.items()}

    @tf.function
    def meta_loss():
        step, state = make_step(params, values=variables), start_state(tf.ones([6]), params)
        total = 0.0
        for t in range(3):
            state = step(tf.stop_gradient(state.weight), state, inputs_at(t))
            total += tf.reduce_sum(tf.square(state.weight))
        return total

    @tf.function
    def meta_step():
        with tf.GradientTape() as tape:
            loss = meta_loss()
        learned = [value for name, value in variables.items() if name not in rule]
        for value, gradient in zip(learned, tape.gradient(loss, learned), strict=True):
            value.assign_sub(3e-2 * tf.clip_by_norm(gradient, 1.0))
        return loss

    losses = [float(meta_step()) for _ in range(40)]
    assert losses[-1] < 0.9 * losses[0]
