import functools

import numpy as np
import pytest
import tensorflow as tf
from numeric_bounds import rounding

from pipeline.optimizers.nadamw import NAdamW

RATE, B1, B2, EPSILON, DECAY = 0.1, 0.8, 0.95, 1e-3, 0.3


def formula(weight, gradients, decay):
    """Dozat's algorithm 2 with constant momentum, bias by bias as it is printed."""
    m = n = np.zeros_like(weight)
    for t, g in enumerate(gradients, start=1):
        m = B1 * m + (1 - B1) * g
        n = B2 * n + (1 - B2) * g**2
        g_hat = g / (1 - B1**t)
        m_hat = m / (1 - B1 ** (t + 1))
        m_bar = (1 - B1) * g_hat + B1 * m_hat
        weight = weight - RATE * (m_bar / (np.sqrt(n / (1 - B2**t)) + EPSILON) + decay * weight)
    return weight


def test_six_steps_follow_the_formula(trained, start, gradients, error_of):
    weights = trained(NAdamW(RATE, B1, B2, EPSILON, DECAY, jit_compile=False))
    for name, decay in (("dense/kernel", DECAY), ("dense/bias", 0.0)):
        rule = functools.partial(formula, decay=decay)
        expected = rule(start[name], [step[name] for step in gradients])
        error = error_of(rule, name)
        np.testing.assert_allclose(weights[name], expected, rtol=0, atol=error)


def test_first_step_looks_ahead():
    weight = tf.Variable([0.0])
    optimizer = NAdamW(1.0, 0.9, 0.999, 0.0, None, jit_compile=False)
    optimizer.apply_gradients([(tf.constant([3.0]), weight)])
    # 0.9 * 0.1 / (1 - 0.81) + 0.1 / 0.1, where Adam would move by 1. Twenty roundings, of which
    # that of 1 - 0.999 is relative to a thousandth: half of 1,000 more by way of the root.
    expected = -(0.09 / 0.19 + 1.0)
    assert float(weight[0]) == pytest.approx(expected, rel=rounding(20 + 500))
