"""One kernel and one bias, trained by an optimizer and by its formula in plain NumPy."""

import numpy as np
import pytest
import tensorflow as tf
from numeric_bounds import float32_error

NUM_STEPS = 6
# Roundings of one step of an elementwise rule: moments 3 + 4, their corrections 2, root, quotient
# and epsilon 3, decay, rate and weight 4; with two averages 4 more.
ELEMENTWISE = 20
# Of the norm of a kernel with 12 x 9 entries, besides.
NORM = 12 * 9 + 2


def random_arrays(seed):
    random = np.random.RandomState(seed)
    return {"dense/kernel": random.randn(12, 9), "dense/bias": random.randn(9)}


@pytest.fixture(scope="session")
def gradients():
    """Float64 `[12, 9]` and `[9]` by variable name, for each of six steps."""
    return [random_arrays(100 + step) for step in range(NUM_STEPS)]


@pytest.fixture(scope="session")
def start():
    """The initial weights, as `gradients`."""
    return random_arrays(0)


@pytest.fixture
def trained(gradients, start):
    """Returns `train(optimizer) -> weights by name` after all steps; biases are not decayed."""

    def train(optimizer):
        variables = {
            name: tf.Variable(value.astype(np.float32), name=name) for name, value in start.items()
        }
        for step in gradients:
            optimizer.apply_gradients(
                [(tf.constant(step[name], tf.float32), variables[name]) for name in variables]
            )
        return {name: variable.numpy() for name, variable in variables.items()}

    return train


@pytest.fixture(scope="session")
def error_of(gradients, start):
    """Returns `error(formula, name)`: how far float32 may end from `formula(weight, gradients)`."""

    def error(formula, name, steps=NUM_STEPS, has_norm=False):
        inputs = [start[name], *(step[name] for step in gradients[:steps])]
        return float32_error(
            lambda weight, *rest: formula(weight, rest),
            *inputs,
            operations=ELEMENTWISE + has_norm * NORM,
        )

    return error
