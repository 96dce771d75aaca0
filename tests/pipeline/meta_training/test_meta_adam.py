import numpy as np
import pytest

from pipeline.meta_training.meta_adam import MetaAdam, clipped, decaying_rate


def test_first_step_is_the_rate_against_the_sign_of_the_gradient():
    adam = MetaAdam.start({"a": np.float32([1.0, 2.0])}).next({"a": np.float32([3.0, -4.0])}, 0.1)
    np.testing.assert_allclose(adam.values["a"], [0.9, 2.1], rtol=1e-6)
    assert adam.meta_step == 1 and adam.values["a"].dtype == np.float32


def test_opposite_gradients_cancel_in_the_momentum():
    adam = MetaAdam.start({"a": np.zeros(1, np.float32)})
    for gradient in (1.0, -0.9):  # b1 = 0.9: 0.9 * 0.1 * 1 - 0.1 * 0.9 = 0
        before = adam.values["a"]
        adam = adam.next({"a": np.float32([gradient])}, 0.1)
    np.testing.assert_allclose(adam.values["a"], before, atol=1e-7)


def test_gradients_are_clipped_together_and_what_is_not_finite_is_zero():
    gradients, norm = clipped({"a": np.float32([3.0, np.nan]), "b": np.float32([np.inf, 4.0])})
    assert norm == pytest.approx(5.0)
    np.testing.assert_allclose(gradients["a"], [0.6, 0.0], rtol=1e-6)
    np.testing.assert_allclose(gradients["b"], [0.0, 0.8], rtol=1e-6)
    assert clipped({"a": np.float32([1e30])})[0]["a"][0] == pytest.approx(1.0)


def test_small_gradients_are_left_alone():
    np.testing.assert_array_equal(clipped({"a": np.float32([0.5])})[0]["a"], [0.5])


def test_rate_falls_as_half_a_cosine():
    rates = [decaying_rate(step, 10, 1.0, 0.2) for step in (0, 5, 10)]
    assert rates == pytest.approx([1.0, 0.6, 0.2])
