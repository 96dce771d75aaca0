import functools

import numpy as np
import pytest
import tensorflow as tf
from numeric_bounds import rounding

from pipeline.optimizers.lamb import LAMB

RATE, B1, B2, EPSILON, DECAY = 0.1, 0.8, 0.95, 1e-3, 0.3


def formula(weight, gradients, *, spared):
    """Algorithm 2 of the paper, its line 9 for one layer; a spared layer takes Adam's step."""
    m = v = np.zeros_like(weight)
    for t, g in enumerate(gradients, start=1):
        m = B1 * m + (1 - B1) * g
        v = B2 * v + (1 - B2) * g**2
        r = (m / (1 - B1**t)) / (np.sqrt(v / (1 - B2**t)) + EPSILON)
        if not spared:
            r = r + DECAY * weight
            r = r * np.linalg.norm(weight) / np.linalg.norm(r)
        weight = weight - RATE * r
    return weight


def test_six_steps_follow_the_formula(trained, start, gradients, error_of):
    weights = trained(LAMB(RATE, B1, B2, EPSILON, DECAY, jit_compile=False))
    for name, spared in (("dense/kernel", False), ("dense/bias", True)):
        rule = functools.partial(formula, spared=spared)
        expected = rule(start[name], [step[name] for step in gradients])
        error = error_of(rule, name, has_norm=not spared)
        np.testing.assert_allclose(weights[name], expected, rtol=0, atol=error)


@pytest.mark.parametrize(
    ("weight", "gradient", "expected"),
    [
        ([3.0, 4.0], [2.0, -7.0], [3.0 - 0.5 / 2**0.5, 4.0 + 0.5 / 2**0.5]),  # a tenth of |W| = 5
        ([0.0, 0.0], [2.0, -7.0], [-0.1, 0.1]),  # no norm to follow: the ratio is 1
        ([3.0, 4.0], [0.0, 0.0], [3.0, 4.0]),
    ],
)
def test_step_is_in_proportion_to_the_norm_of_the_tensor(weight, gradient, expected):
    variable = tf.Variable([weight], name="kernel")  # a vector has no ratio
    optimizer = LAMB(0.1, weight_decay=None, jit_compile=False)
    optimizer.apply_gradients([(tf.constant([gradient]), variable)])
    # Moments, corrections, quotient, two norms of two entries and the step: at most 20 roundings,
    # of which that of 1 - 0.999 is relative to a thousandth: half of 1,000 more by way of the root.
    # Where the ratio is 1, Adam's epsilon of 1e-6 next to a gradient of 2 counts as well.
    rtol = rounding(20 + 500) + 1e-6 / 2
    np.testing.assert_allclose(variable.numpy(), [expected], rtol=rtol)
