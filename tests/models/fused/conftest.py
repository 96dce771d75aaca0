"""Runs a function as the model does: eagerly, in a graph of compiled parts, and as one program."""

import numpy as np
import pytest
import tensorflow as tf
from numeric_bounds import float32_error

MODES = {
    "eager": lambda function: function,
    "graph": lambda function: tf.function(function, autograph=False),
    "whole": lambda function: tf.function(function, autograph=False, jit_compile=True),
}


@pytest.fixture(params=MODES)
def as_in_mode(request):
    """Returns `as_in_mode(function)`, the function run in the one of three ways."""
    return MODES[request.param]


@pytest.fixture
def check_gradients(as_in_mode):
    """Returns `check(function, formula, *inputs, operations=)`.

    Output and gradients of `function` in float32 equal those that TensorFlow derives from the plain
    `formula` in float64, but for roundings.
    """

    def check(function, formula, *inputs, operations):
        shape = formula(*(tf.constant(each, tf.float64) for each in inputs)).shape
        slopes = np.random.default_rng(9).normal(size=shape)

        def derive(function, dtype, *inputs):
            inputs = [tf.cast(each, dtype) for each in inputs]
            with tf.GradientTape() as tape:
                tape.watch(inputs)
                outputs = function(*inputs)
                total = tf.reduce_sum(outputs * tf.cast(slopes, dtype))
            gradients = tape.gradient(total, inputs)
            return outputs, *(tf.convert_to_tensor(each) for each in gradients)

        found = as_in_mode(lambda *each: derive(function, tf.float32, *each))(
            *(tf.constant(each, tf.float32) for each in inputs)
        )
        sizes = [np.abs(each).max() for each in derive(formula, tf.float64, *inputs)]

        def in_their_sizes(values):
            pairs = zip(values, sizes, strict=True)
            return np.concatenate([np.ravel(each) / size for each, size in pairs])

        def exact(*inputs):
            return in_their_sizes(derive(formula, tf.float64, *inputs))

        error = float32_error(exact, *inputs, operations=operations)
        np.testing.assert_allclose(in_their_sizes(found), exact(*inputs), rtol=0, atol=error)

    return check
