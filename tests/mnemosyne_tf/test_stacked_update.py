"""One variable in place, several as a stack: the same values."""

from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from mnemosyne_tf.stacked_update import StackedUpdate


class State(NamedTuple):
    weight: tf.Tensor
    constant: tf.Tensor
    memory: tf.Tensor | tuple[()]


def rule(meta_params, gradient, state, inputs):
    moved = state.weight - meta_params["rate"] * inputs * gradient
    return state._replace(weight=moved)


def make_states(values):
    return [State(tf.Variable(value), tf.Variable(value), ()) for value in values]


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("count", [1, 3])
def test_each_variable_takes_its_own_gradient(compiled, count):
    def compile_with(function):
        return tf.function(function, jit_compile=True) if compiled else function

    update = StackedUpdate(rule, {"rate": np.float32(0.5)}, compile_with)
    states = make_states([[1.0 + i, 2.0] for i in range(count)])
    gradients = [tf.constant([1.0, 10.0 * i]) for i in range(count)]
    update(gradients, states, tf.constant(2.0))
    for i, state in enumerate(states):
        assert state.weight.numpy().tolist() == [float(i), 2.0 - 10.0 * i]
        assert state.constant.numpy().tolist() == [1.0 + i, 2.0]


def test_another_set_of_variables_does_not_compile_anew():
    update = StackedUpdate(rule, {"rate": np.float32(1.0)}, tf.function)
    for value in (1.0, 2.0):
        (state,) = make_states([[value, value]])
        update([tf.ones([2])], [state], tf.constant(1.0))
        assert state.weight.numpy().tolist() == [value - 1.0] * 2
    assert update.in_place.experimental_get_tracing_count() == 1
