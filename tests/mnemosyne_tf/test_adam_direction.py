"""Adam's accumulators and directions against NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from mnemosyne_tf import adam_direction
from mnemosyne_tf.variable_plan import plan_variable

EPS = float(np.finfo(np.float32).eps)
# Of a direction of size 1 after a few steps: moments, their corrections, a root, a quotient and a
# product, some ten roundings each.
DIRECTION = 20 * EPS
DECAYS = np.array([0.9, 0.95], np.float32)


def plan_for(shape):
    return plan_variable(name="w", shape=shape, chunk_size=8, decayed=False, orthogonalise=True)


def directions_after(gradients):
    momentum = second_moment = tf.zeros_like(gradients[0])
    for gradient in gradients:
        momentum, second_moment = adam_direction.accumulate(
            tf.constant(gradient), momentum, second_moment, decays=DECAYS
        )
    return adam_direction.directions(
        tf.constant(gradients[-1]),
        momentum,
        second_moment,
        decays=DECAYS,
        step=float(len(gradients)),
    )


def test_first_direction_is_the_sign_of_the_gradient():
    gradients = np.array([[3e-3, -2.0, 5e2, 0.0]], np.float32)
    directions = directions_after(gradients)
    np.testing.assert_allclose(directions.momentum, [1.0, -1.0, 1.0, 0.0], rtol=DIRECTION)


def test_accumulators_equal_adam_after_many_steps():
    gradients = np.random.RandomState(0).randn(50, 5).astype(np.float32)
    directions = directions_after(gradients)
    m = v = np.zeros(5)
    for gradient in gradients.astype(np.float64):
        m, v = 0.9 * m + 0.1 * gradient, 0.95 * v + 0.05 * gradient**2
    expected = m / (1 - 0.9**50) / np.sqrt(v / (1 - 0.95**50))
    # Float32 holds b2 = 0.95 to half an eps, 1 - b2 and log(b2) twenty times as ill; the momentum
    # is a sum of both signs, so the bound is absolute.
    np.testing.assert_allclose(directions.momentum, expected, rtol=0, atol=DIRECTION + 20 * EPS / 2)


@pytest.mark.parametrize("shape", [(), (7,), (6, 4)])
def test_inverse_rms_is_of_each_variable(shape):
    tensor = np.random.RandomState(0).randn(2, *shape).astype(np.float32)
    factors = adam_direction.inverse_rms(tf.constant(tensor), plan_for(shape)).numpy()
    expected = [1 / np.sqrt((each.astype(np.float64) ** 2).mean()) for each in tensor]
    # A sum of up to 24 squares, a quotient, a root: the root halves what the sum is off.
    np.testing.assert_allclose(factors.ravel(), expected, rtol=14 * EPS)
    alone = adam_direction.inverse_rms(tf.constant(tensor[0]), plan_for(shape)).numpy()
    np.testing.assert_allclose(alone * tensor[0], expected[0] * tensor[0], rtol=14 * EPS)


def test_nesterov_is_the_momentum_after_the_same_gradient_once_more():
    gradient, momentum = tf.constant([1.0, -2.0]), tf.constant([0.5, 4.0])
    mixed = adam_direction.nesterov(
        adam_direction.Directions(gradient, momentum), tf.constant(0.75)
    )
    assert mixed.momentum.numpy().tolist() == [0.625, 2.5]  # float32 holds all of these exactly
    assert mixed.gradient.numpy().tolist() == [1.0, -2.0]


def test_long_direction_is_brought_to_an_rms_of_one_and_a_short_one_left_alone():
    for scale, expected in ((5.0, [1.0, -1.0, 1.0, 1.0]), (0.5, [0.5, -0.5, 0.5, 0.5])):
        direction = scale * tf.constant([1.0, -1.0, 1.0, 1.0])
        factor = adam_direction.inverse_rms(direction, plan_for((4,)))
        # Three sums, a root and two products.
        np.testing.assert_allclose(
            adam_direction.bounded(direction, factor), expected, rtol=6 * EPS
        )
