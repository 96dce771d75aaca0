import functools

import numpy as np
import tensorflow as tf
from numeric_bounds import rounding

from pipeline.optimizers.adafactor_fixed import AdafactorFixed

RATE, DECAY = 0.1, 0.3


def formula(weight, gradients, *, decayed):
    """Algorithm 4 of the paper (5 for a vector), without its step size."""
    rows = columns = 0.0
    for t, g in enumerate(gradients, start=1):
        b = 1 - t**-0.8
        squares = g**2 + 1e-30
        if g.ndim == 2:
            rows = b * rows + (1 - b) * squares.mean(axis=1)
            columns = b * columns + (1 - b) * squares.mean(axis=0)
            moment = np.outer(rows, columns) / rows.mean()
        else:
            rows = b * rows + (1 - b) * squares
            moment = rows
        direction = g / np.sqrt(moment)
        direction = direction / max(1.0, np.sqrt((direction**2).mean()))
        weight = weight - RATE * (direction + decayed * DECAY * weight)
    return weight


def test_six_steps_follow_the_formula(trained, start, gradients, error_of):
    weights = trained(AdafactorFixed(RATE, DECAY, jit_compile=False))
    for name, decayed in (("dense/kernel", True), ("dense/bias", False)):
        rule = functools.partial(formula, decayed=decayed)
        expected = rule(start[name], [step[name] for step in gradients])
        error = error_of(rule, name, has_norm=True)
        np.testing.assert_allclose(weights[name], expected, rtol=0, atol=error)


def test_rate_is_neither_capped_by_the_step_nor_scaled_by_the_weight():
    variable = tf.Variable(np.full([2, 3], 100.0, np.float32), name="kernel")
    optimizer = AdafactorFixed(0.3, jit_compile=False)
    for _ in range(20):  # from step 12 on, 1 / sqrt(step) is below 0.3
        optimizer.apply_gradients([(tf.ones([2, 3]), variable)])
    # 20 steps of 0.3, each with about 20 roundings of itself and one of a weight of 100.
    error = 20 * (0.3 * rounding(20) + 100 * rounding(1))
    np.testing.assert_allclose(variable.numpy(), 94.0, rtol=0, atol=error)


def test_state_of_a_matrix_is_a_row_and_a_column():
    optimizer = AdafactorFixed(0.3, jit_compile=False)
    optimizer.build([tf.Variable(tf.ones([5, 7]), name="prompt_embeddings")])
    assert sorted(tuple(v.shape) for v in optimizer.variables if v.shape.rank) == [(5,), (7,)]
