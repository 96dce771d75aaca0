"""The learned part at the level of the model: what it changes, costs and depends on."""

import re

import numpy as np
import pytest
import tensorflow as tf

from mnemosyne_tf import MetaParams, Mnemosyne, Structure
from mnemosyne_tf.learned.model_entries import (
    DESCRIPTORS,
    LEVERS,
    NUM_COUNTERS,
    NUM_KEPT,
    ROLE_HEAD,
    TOKEN_HEAD,
)
from mnemosyne_tf.learned.model_level import descriptors
from mnemosyne_tf.model_update import ModelUpdate
from mnemosyne_tf.parameter_roles import ROLES, find_role
from mnemosyne_tf.rule_settings import RuleSettings
from mnemosyne_tf.update_rule import StepInputs
from mnemosyne_tf.variable_plan import plan_variable

MODEL = Structure(level="model", width=4, num_random_features=8)
SHAPES = {"layer_0/query/kernel": (12, 9), "layer_3/query/kernel": (12, 9), "query/bias": (9,)}


def make_variables(factor=1.0):
    random = np.random.RandomState(0)
    return [
        tf.Variable(np.float32(factor * random.standard_normal(shape)), name=name)
        for name, shape in SHAPES.items()
    ]


def gradients_at(step, scales=(1.0, 1.0, 1.0)):
    random = np.random.RandomState(step)
    return [
        tf.constant(scale * random.standard_normal(shape), tf.float32)
        for scale, shape in zip(scales, SHAPES.values(), strict=True)
    ]


def trained(meta_params, steps=5, scales_at=lambda step: (1.0, 1.0, 1.0), **settings):
    optimizer = Mnemosyne(meta_params=meta_params, jit_compile=False, **settings)
    variables = make_variables()
    for step in range(steps):
        optimizer.apply_gradients(zip(gradients_at(step, scales_at(step)), variables, strict=True))
    return optimizer, variables


def kept_of(optimizer, *parts):
    """The parts of the state by these names, of all variables."""
    return [
        each
        for part in parts
        for each in optimizer.variables
        if re.search(f"(^|/){part}/", each.name)
    ]


def with_entries(meta_params, **entries):
    return MetaParams(meta_params.structure, {**meta_params.values, **entries})


def test_heads_of_zeros_are_the_nominal_rule_bit_for_bit_and_keep_nothing():
    optimizer, variables = trained(MetaParams.nominal(MODEL), total_steps=9)
    nominal, expected = trained("nominal", total_steps=9)
    for variable, other in zip(variables, expected, strict=True):
        assert np.array_equal(variable, other)
    assert len(optimizer.variables) == len(nominal.variables)


def test_offsets_by_role_alone_need_two_floats_a_tensor_and_move_rate_and_decay():
    """A constant offset of the rate is a rate of the role."""
    nominal = MetaParams.nominal(MODEL)
    roles = np.zeros([len(ROLES), len(LEVERS)])
    factor = {"query/key": 1.5, "bias": 0.5}
    for role, rate in factor.items():
        roles[list(ROLES).index(role), 0] = np.arctanh(np.log(rate) / LEVERS["rate"])
    optimizer, variables = trained(with_entries(nominal, **{ROLE_HEAD: roles}))
    _, expected = trained(nominal.with_role_rates(factor))
    for variable, other in zip(variables, expected, strict=True):
        # The offset is rounded, its exponential and its product with the rate: relative errors of
        # some 10 roundings of a step of at most 0.012 * 1.6 * 1.2 a step, five steps.
        np.testing.assert_allclose(variable, other, rtol=0, atol=5 * 10 * 6e-8 * 0.03 + 3e-7)
    assert [each.shape for each in kept_of(optimizer, "sensors")] == [[NUM_COUNTERS]] * 3
    assert not kept_of(optimizer, "memory")
    np.testing.assert_allclose(optimizer.step_multipliers(), [1.5, 1.5, 0.5], rtol=1e-5)


def test_loss_multiplied_by_a_constant_changes_nothing(live_meta_params):
    _, variables = trained(live_meta_params(MODEL), steps=20)
    # A power of two: every product and root is the same but for its exponent.
    _, scaled = trained(live_meta_params(MODEL), steps=20, scales_at=lambda step: (1024.0,) * 3)
    for variable, other in zip(variables, scaled, strict=True):
        # Logarithms of mean squares differ by a constant, which differences of averages lose but
        # for their roundings: of numbers up to 14, 20 times, and heads that multiply them.
        np.testing.assert_allclose(variable, other, rtol=0, atol=2e-4)


@pytest.mark.parametrize("level_2", ["performer", "none"])
def test_one_tensor_hears_of_another_through_attention_alone(live_meta_params, level_2):
    params = live_meta_params(Structure(**{**MODEL.__dict__, "level_2": level_2}))
    _, quiet = trained(params)
    # The gradients of the bias fall by half in every step; those of the kernels are the same.
    _, loud = trained(params, scales_at=lambda step: (1.0, 1.0, 0.5**step))
    assert np.array_equal(quiet[0], loud[0]) == (level_2 == "none")


def test_memory_tells_two_pasts_apart(live_meta_params):
    """Sensors forget the first step within the windows; here what differs is the memory alone."""
    params = live_meta_params(MODEL)
    states = []
    for filled in (0.0, 1.0):
        model = ModelUpdate(
            list(SHAPES), list(SHAPES.values()), params, RuleSettings(total_steps=9)
        )
        weights = [tf.convert_to_tensor(each) for each in make_variables()]
        state = [
            each._replace(memory=tf.fill(each.memory.shape, filled)) for each in model.init(weights)
        ]
        inputs = StepInputs(
            tf.constant(0, tf.int64), tf.constant(0, tf.int64), tf.constant(1.0), tf.constant(True)
        )
        moved, _ = model.update(gradients_at(0), state, weights, inputs)
        states.append(moved)
    assert not np.array_equal(states[0][0], states[1][0])


def test_skipped_step_leaves_sensors_and_memory_as_they_are(live_meta_params):
    optimizer, variables = trained(live_meta_params(MODEL))
    kept = kept_of(optimizer, "sensors", "memory", "log_multiplier")
    assert len(kept) == 9
    before = [each.numpy() for each in kept]
    gradients = gradients_at(9)
    gradients[2] *= np.nan
    optimizer.apply_gradients(zip(gradients, variables, strict=True))
    assert all(np.array_equal(old, each) for old, each in zip(before, kept, strict=True))


def test_momentum_decay_that_changes_leaves_no_bias():
    """Equal gradients: with any decays, the corrected momentum is the gradient."""
    nominal = MetaParams.nominal(MODEL)
    roles = np.zeros([len(ROLES), len(LEVERS)])
    roles[:, 1] = 1.0
    optimizer = Mnemosyne(
        meta_params=with_entries(nominal, **{ROLE_HEAD: roles}), jit_compile=False
    )
    variable = tf.Variable([1.0, 2.0], name="scale")
    for _ in range(4):
        optimizer.apply_gradients([(tf.constant([0.5, -3.0]), variable)])
    momentum, counters = (each.numpy() for each in kept_of(optimizer, "momentum", "sensors"))
    corrected = momentum / (1.0 - np.exp(counters[1]))
    # Four products and sums a step, an exponential and a difference of some digits.
    np.testing.assert_allclose(corrected, [0.5, -3.0], rtol=32 * 6e-8)
    assert counters[0] == 4


def test_state_of_bert_base_stays_far_below_2_3_floats_a_weight():
    structure = Structure(level="model", num_memory_heads=2)
    of_tensor = NUM_KEPT + 1 + np.prod(structure.memory_shape)
    # BERT-base: 12 layers of 16 tensors, 10 more; 110 million weights.
    assert 2 + 202 * of_tensor / 110e6 < 2.01
    # BERT-tiny: 2 layers, 4.4 million.
    assert 2 + 42 * of_tensor / 4.4e6 < 2.01


def test_descriptors_tell_role_shape_and_depth():
    names, shapes = list(SHAPES), list(SHAPES.values())
    roles = [find_role(name, shape).role for name, shape in SHAPES.items()]
    plans = [
        plan_variable(name=n, shape=s, chunk_size=1024, decayed=i < 2, orthogonalise=True)
        for i, (n, s) in enumerate(zip(names, shapes, strict=True))
    ]
    rows = descriptors(names, roles, plans)
    assert rows.shape == (3, len(ROLES) + len(DESCRIPTORS))
    assert [list(ROLES)[index] for index in rows[:, : len(ROLES)].argmax(axis=1)] == roles
    column = {name: rows[:, len(ROLES) + i] for i, name in enumerate(DESCRIPTORS)}
    assert column["depth"].tolist() == [0.0, 1.0, 1.0]
    assert column["has_layer_number"].tolist() == [1.0, 1.0, 0.0]
    assert column["is_matrix"].tolist() == [1.0, 1.0, 0.0]
    assert column["is_decayed"].tolist() == [1.0, 1.0, 0.0]


def test_constants_are_left_when_tokens_are_taken_away(live_meta_params):
    ablated = live_meta_params(MODEL).without("tokens")
    assert not ablated.values[TOKEN_HEAD].any() and ablated.values[ROLE_HEAD].any()


def test_level_without_a_nominal_direction_is_refused():
    with pytest.raises(ValueError, match='nominal direction with level "model"'):
        Structure(level="model", nominal_direction=False)
    with pytest.raises(ValueError, match=r"level in \('chunk', 'model'\), received 'tensor'"):
        Structure(level="tensor")
