"""AdamW compiled by itself, as fine-tuning on a CPU runs it, is Keras's AdamW."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from pipeline.optimizers.keras_optimizers import AdamW

_SETTINGS = {"learning_rate": 0.01, "weight_decay": 0.1}
_STEPS = 5
# A weight of at most 1 moves by less than 0.02 a step. A step of either rounds it three times, and
# its move, of relative error 16 roundings, once: 5 * (2 * 3 + 16 * 0.02) * 2^-24 = 1.9e-6.
_BOUND = 1.9e-6


def _variables():
    rng = np.random.RandomState(0)
    shapes = {"dense/kernel": (6, 4), "other/kernel": (6, 4), "dense/bias": (4,)}
    return [
        tf.Variable(rng.uniform(-0.9, 0.9, shape), dtype=tf.float32, name=name)
        for name, shape in shapes.items()
    ]


def _gradients(step):
    rng = np.random.RandomState(1 + step)
    return [tf.constant(rng.randn(*v.shape), tf.float32) for v in _variables()]


def _trained(optimizer, compiled, gradients_of=_gradients):
    optimizer.jit_compile = compiled
    variables = _variables()
    optimizer.build(variables)
    for step in range(_STEPS):
        optimizer.apply_gradients(zip(gradients_of(step), variables, strict=True))
    return [variable.numpy() for variable in variables]


def test_weights_are_those_of_keras():
    theirs = keras.optimizers.AdamW(**_SETTINGS)
    theirs.exclude_from_weight_decay(var_names=["bias"])
    expected = _trained(theirs, compiled=False)
    for ours, keras_weights in zip(_trained(AdamW(**_SETTINGS), True), expected, strict=True):
        np.testing.assert_allclose(ours, keras_weights, rtol=0, atol=_BOUND)


def test_weights_are_those_without_compilation():
    settings = {**_SETTINGS, "role_rates": {"bias": 0.5}, "global_clipnorm": 1.0}
    expected = _trained(AdamW(**settings), compiled=False)
    for ours, plain in zip(_trained(AdamW(**settings), True), expected, strict=True):
        np.testing.assert_allclose(ours, plain, rtol=0, atol=_BOUND)


def test_it_is_compiled_without_a_gpu_too_unless_told_otherwise():
    """What Keras's own is without one."""
    assert AdamW().jit_compile
    assert not AdamW(jit_compile=False).jit_compile
    assert not AdamW.from_config(AdamW(jit_compile=False).get_config()).jit_compile


@pytest.mark.parametrize("clip_norm", [None, 1.0])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_step_with_one_bad_number_in_the_largest_gradient_moves_nothing(bad, clip_norm):
    def gradients_of(step):
        first, *others = _gradients(step)
        return [tf.tensor_scatter_nd_update(first, [[2, 3]], [bad]), *others]

    optimizer = AdamW(**_SETTINGS, global_clipnorm=clip_norm)
    weights = _trained(optimizer, True, gradients_of)
    for after, before in zip(weights, _variables(), strict=True):
        np.testing.assert_array_equal(after, before.numpy())
    assert int(optimizer.skipped_steps) == _STEPS
    assert int(optimizer.applied_steps) == 0
