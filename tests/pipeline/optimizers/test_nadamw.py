import numpy as np
import pytest
import tensorflow as tf

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


def test_six_steps_follow_the_formula(trained, start, gradients):
    weights = trained(NAdamW(RATE, B1, B2, EPSILON, DECAY, jit_compile=False))
    for name, decay in (("dense/kernel", DECAY), ("dense/bias", 0.0)):
        expected = formula(start[name], [step[name] for step in gradients], decay)
        np.testing.assert_allclose(weights[name], expected, rtol=1e-5, atol=1e-6)


def test_first_step_looks_ahead():
    weight = tf.Variable([0.0])
    optimizer = NAdamW(1.0, 0.9, 0.999, 0.0, None, jit_compile=False)
    optimizer.apply_gradients([(tf.constant([3.0]), weight)])
    # 0.9 * 0.1 / (1 - 0.81) + 0.1 / 0.1, where Adam would move by 1.
    assert float(weight[0]) == pytest.approx(-(0.09 / 0.19 + 1.0), rel=1e-5)
