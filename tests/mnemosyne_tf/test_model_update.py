"""One variable in place, several as a stack: the same values."""

from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from mnemosyne_tf import Mnemosyne
from mnemosyne_tf.in_place_update import InPlaceUpdate
from mnemosyne_tf.model_update import ModelUpdate
from mnemosyne_tf.rule_settings import RuleSettings
from mnemosyne_tf.update_rule import StepInputs

EPS = np.finfo(np.float32).eps


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

    update = InPlaceUpdate(rule, {"rate": np.float32(0.5)}, compile_with)
    states = make_states([[1.0 + i, 2.0] for i in range(count)])
    gradients = [tf.constant([1.0, 10.0 * i]) for i in range(count)]
    update(gradients, states, tf.constant(2.0))
    for i, state in enumerate(states):
        assert state.weight.numpy().tolist() == [float(i), 2.0 - 10.0 * i]
        assert state.constant.numpy().tolist() == [1.0 + i, 2.0]


def test_another_set_of_variables_does_not_compile_anew():
    update = InPlaceUpdate(rule, {"rate": np.float32(1.0)}, tf.function)
    for value in (1.0, 2.0):
        (state,) = make_states([[value, value]])
        update([tf.ones([2])], [state], tf.constant(1.0))
        assert state.weight.numpy().tolist() == [value - 1.0] * 2
    assert update.in_place.experimental_get_tracing_count() == 1


def test_pure_update_takes_the_steps_of_the_keras_optimizer(live_meta_params, small_structure):
    """Without Keras and without variables; a bad step changes nothing."""
    shapes = {"a/kernel": (12, 9), "b/kernel": (12, 9), "a/bias": (9,)}
    random, params = np.random.RandomState(0), live_meta_params(small_structure)
    weights = [np.float32(random.standard_normal(shape)) for shape in shapes.values()]
    gradients = [tf.constant(0.5 * weight) for weight in weights]
    model = ModelUpdate(
        list(shapes), list(shapes.values()), params, RuleSettings(total_steps=9, weight_decay=0.01)
    )
    assert [plan.decayed for plan in model.plans] == [True, True, False]
    assert model.together(range(3), ["float32"] * 3) == [
        (model.plans[0], [0, 1]),
        (model.plans[2], [2]),
    ]
    moved, state = [tf.constant(weight) for weight in weights], model.init(weights)
    for step, finite in ((0, True), (1, False), (2, True)):
        inputs = StepInputs(
            tf.constant(step, tf.int64), tf.constant(min(step, 1), tf.int64), tf.constant(0.5),
            tf.constant(finite),
        )  # fmt: skip
        before = moved, state
        moved, state = model.update(gradients, state, moved, inputs)
        if not finite:
            for old, new in zip(*map(tf.nest.flatten, (before, (moved, state))), strict=True):
                assert np.array_equal(old, new)
    variables = [tf.Variable(each, name=name) for name, each in zip(shapes, weights, strict=True)]
    optimizer = Mnemosyne(0.5, 9, meta_params=params, jit_compile=False)
    for factor in (1.0, np.nan, 1.0):
        optimizer.apply_gradients(
            [(factor * g, v) for g, v in zip(gradients, variables, strict=True)]
        )
    for tensor, variable in zip(moved, variables, strict=True):
        # The same operations in the same order; a stack may be summed in another one: 108 terms.
        np.testing.assert_allclose(tensor, variable, rtol=0, atol=108 * EPS)
