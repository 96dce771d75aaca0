"""Rates and horizons of a role: factors on the rate and on the reach of an optimizer's averages."""

import pytest
import tensorflow as tf
import tf_keras as keras

from pipeline.optimizers.keras_optimizers import AdamW
from pipeline.optimizers.muon import Muon, MuonSquared, NorMuon

SHAPES = {"layer_0/intermediate/kernel": [8, 16], "layer_0/intermediate/bias": [16]}
ALL = [AdamW, Muon, NorMuon, MuonSquared]


def after_a_step(optimizer, start, gradient):
    variables = {name: tf.Variable(tf.fill(of, start), name=name) for name, of in SHAPES.items()}
    gradients = [gradient(tf.cast(tf.range(tf.size(v)), tf.float32)) for v in variables.values()]
    pairs = zip(gradients, variables.values(), strict=True)
    optimizer.apply_gradients([(tf.reshape(g, v.shape), v) for g, v in pairs])
    return [variable.numpy().tolist() for variable in variables.values()]


# From zero, a factor of two is exact in every operation.
@pytest.mark.parametrize("optimizer", ALL)
def test_the_step_of_a_role_has_its_own_rate_and_the_others_keep_theirs(optimizer):
    kernel, bias = after_a_step(
        optimizer(0.125, role_rates={"feed-forward in": 2.0}, jit_compile=False), 0.0, tf.cos
    )
    twice, _ = after_a_step(optimizer(0.25, jit_compile=False), 0.0, tf.cos)
    _, once = after_a_step(optimizer(0.125, jit_compile=False), 0.0, tf.cos)
    assert (kernel, bias) == (twice, once)


# 1 - 0.125 * 2 * 0.5 and 1 - 0.125 * 0.5 are exact in float32.
@pytest.mark.parametrize("optimizer", ALL)
def test_weight_decay_follows_the_rate_of_the_role(optimizer):
    for role_rates, kept in (({"feed-forward in": 2.0}, 0.875), ({}, 0.9375)):
        made = optimizer(0.125, weight_decay=0.5, role_rates=role_rates, jit_compile=False)
        kernel, bias = after_a_step(made, 1.0, tf.zeros_like)
        assert {value for row in kernel for value in row} == {kept}
        assert set(bias) == {1.0}


# In the second step a longer average still has all of the first gradient; compiled and not.
@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("optimizer", ALL)
def test_averages_of_a_role_reach_further_back_and_the_others_stay(optimizer, jit_compile):
    def after_two_steps(**arguments):
        made = optimizer(0.125, jit_compile=jit_compile, weight_decay=0.0, **arguments)
        variables = [tf.Variable(tf.zeros(of), name=name) for name, of in SHAPES.items()]
        for gradient in (tf.cos, tf.sin):
            numbers = [tf.cast(tf.range(tf.size(each)), tf.float32) for each in variables]
            made.apply_gradients(
                (tf.reshape(gradient(number), each.shape), each)
                for number, each in zip(numbers, variables, strict=True)
            )
        return [each.numpy().tolist() for each in variables]

    built_in, longer = {"beta_1": 0.9, "beta_2": 0.95}, {"beta_1": 0.98, "beta_2": 0.99}
    if optimizer is not AdamW:
        built_in["momentum"], longer["momentum"] = 0.95, 0.99
    kernel, bias = after_two_steps(role_horizons={"feed-forward in": 5.0}, **built_in)
    as_if, _ = after_two_steps(**longer)
    _, plain = after_two_steps(**built_in)
    # 1 - (1 - b) / 5 in double precision: in float32 the same decay, and so the same steps.
    assert (kernel, bias) == (as_if, plain)
    assert kernel != after_two_steps(**built_in)[0]


@pytest.mark.parametrize("optimizer", [AdamW, Muon])
def test_a_copy_has_what_roles_were_given_too(optimizer):
    given = {"role_rates": {"norm": 0.5}, "role_horizons": {"position table": 4.0}}
    made = optimizer(0.1, **given)
    twin = keras.optimizers.deserialize(keras.optimizers.serialize(made))
    assert {name: twin.get_config()[name] for name in given} == given


@pytest.mark.parametrize("rates", [{"embedding": 2.0}, {"kernel": 2.0}, {"norm": -1.0}])
@pytest.mark.parametrize("optimizer", [AdamW, Muon])
def test_a_rate_without_a_role_is_refused(optimizer, rates):
    with pytest.raises(ValueError, match="in role_rates, received"):
        optimizer(0.1, role_rates=rates)


@pytest.mark.parametrize("horizons", [{"kernel": 2.0}, {"norm": 0.5}])
@pytest.mark.parametrize("optimizer", [AdamW, Muon])
def test_a_horizon_without_a_role_or_below_one_is_refused(optimizer, horizons):
    with pytest.raises(ValueError, match="of at least 1 by roles .* in role_horizons, received"):
        optimizer(0.1, role_horizons=horizons)
