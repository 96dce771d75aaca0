import numpy as np
import pytest
from numeric_bounds import rounding

from pipeline.lab.meta_training.backprop.meta_adam import (
    MetaAdam,
    decaying_rate,
    mean_of_clipped,
    norm,
)

# Moments, corrections, root, quotient, rate and weight; a norm of two and a mean of four have
# fewer. The epsilon of 1e-8 adds less than one.
RTOL = rounding(16)


def test_first_step_is_the_rate_against_the_sign_of_the_gradient():
    adam = MetaAdam.start({"a": np.float32([1.0, 2.0])}).next({"a": np.float32([3.0, -4.0])}, 0.1)
    np.testing.assert_allclose(adam.values["a"], [0.9, 2.1], rtol=RTOL)
    assert adam.meta_step == 1 and adam.values["a"].dtype == np.float32


def test_opposite_gradients_cancel_in_the_momentum():
    adam = MetaAdam.start({"a": np.zeros(1, np.float32)})
    for gradient in (1.0, -0.9):  # b1 = 0.9: 0.9 * 0.1 * 1 - 0.1 * 0.9 = 0
        before = adam.values["a"]
        adam = adam.next({"a": np.float32([gradient])}, 0.1)
    np.testing.assert_allclose(adam.values["a"], before, rtol=0, atol=0.1 * RTOL)


def test_every_run_is_clipped_alone_and_one_that_is_not_finite_counts_zero_as_a_whole():
    # Norms 5 (clipped to 1), 0.5 (left alone), infinite, none.
    gradients = {
        "a": np.float32([[3.0, 0.0], [0.3, 0.0], [7.0, 7.0], [0.1, np.nan]]),
        "b": np.float32([4.0, 0.4, np.inf, 0.1]),
    }
    mean = mean_of_clipped(gradients)
    np.testing.assert_allclose(mean["a"], [(0.6 + 0.3) / 4, 0.0], rtol=RTOL)
    np.testing.assert_allclose(mean["b"], (0.8 + 0.4) / 4, rtol=RTOL)
    assert mean["b"].shape == () and mean["a"].dtype == np.float32


def test_squares_beyond_float32_are_still_clipped():
    assert mean_of_clipped({"a": np.float32([1e30])})["a"] == pytest.approx(1.0)


def test_norm_is_of_all_gradients_together():
    assert norm({"a": np.float32([3.0, 0.0]), "b": np.float32(4.0)}) == pytest.approx(5.0)


def test_rate_falls_as_half_a_cosine():
    rates = [decaying_rate(step, 10, 1.0, 0.2) for step in (0, 5, 10)]
    assert rates == pytest.approx([1.0, 0.6, 0.2])
