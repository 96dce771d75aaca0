"""The update against the nominal rule and against its bounds; its twin: `test_reference.py`."""

import dataclasses
import functools

import numpy as np
import pytest
import tensorflow as tf

from mnemosyne_tf import MetaParams, update_rule
from mnemosyne_tf.meta_params import ZERO_HEADS
from mnemosyne_tf.update_rule import RuleSettings, StepInputs, VariableState
from mnemosyne_tf.variable_plan import plan_variable

SHAPES = {
    "vector": (7,),
    "output/bias": (50,),
    "matrix/kernel": (16, 12),
    "word_embeddings": (21, 9),
}


def make_plans(shapes, structure, *, orthogonalise=True, attention_block=None):
    return {
        name: plan_variable(
            name=name,
            shape=shape,
            chunk_size=structure.chunk_size,
            decayed="bias" not in name,
            orthogonalise=orthogonalise,
            attention_block=attention_block,
        )
        for name, shape in shapes.items()
    }


def gradient_of(weight, random):
    """Of a noisy quadratic, so that momentum, weight and gradient are correlated."""
    return np.float32(0.3 * np.asarray(weight) + random.standard_normal(np.shape(weight) or None))


def inputs_at(iterations, applied_steps, learning_rate=1.0, finite=True):
    return StepInputs(
        tf.constant(iterations, tf.int64),
        tf.constant(applied_steps, tf.int64),
        tf.constant(learning_rate),
        tf.constant(finite),
    )


def start_state(weight, plan, structure, dtype=tf.float32):
    zeros = tf.zeros(plan.shape)
    memory = tf.zeros([plan.num_chunks, *structure.memory_shape])
    return VariableState(
        tf.cast(weight, dtype), zeros, zeros, memory if structure.use_memory else (), tf.zeros([])
    )


def make_step(meta_params, plan, settings):
    return tf.function(
        functools.partial(
            update_rule.update,
            {name: tf.constant(value) for name, value in meta_params.values.items()},
            plan=plan,
            structure=meta_params.structure,
            settings=settings,
        )
    )


def nominal_step(weight, gradient, m, v, *, t, matrix, decayed):
    """The published rule in its own words: float64, no chunks, no encoder, no memory."""
    m[...] = 0.9 * m + 0.1 * gradient
    v[...] = 0.95 * v + 0.05 * gradient**2
    ahead = 0.9 * m / (1 - 0.9 ** (t + 1)) + 0.1 * gradient
    direction = ahead / np.sqrt(v / (1 - 0.95 ** (t + 1)) + 1e-16)
    direction = direction / max(1.0, np.sqrt((direction**2).mean()))
    if matrix:
        rows, cols = weight.shape
        x = direction / np.sqrt((direction**2).sum())
        for _ in range(5):
            gram = x @ x.T
            x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
        direction = 1.6 * np.sqrt(max(1.0, cols / rows)) * x
    rate = (12e-3 if matrix else 4e-3) * min((t + 1) / 3.0, ((100 - t) / 97.0) ** 0.5)
    rate *= (100 / 600) ** -0.08  # shorter than the runs for which the rates were found
    weight -= rate * (direction + (0.1 * weight if decayed else 0.0))


def test_horizon_of_a_role_lengthens_both_averages_of_its_variables_alone():
    """Five times as far back: b1 = 1 - 0.1 / 5 = 0.98, b2 = 1 - 0.05 / 5 = 0.99."""
    state = VariableState((), tf.zeros([2, 3, 8]), tf.zeros([2, 3, 8]), ())
    inputs = inputs_at(0, 0)._replace(role_horizons=tf.constant([5.0, 1.0]))
    values = MetaParams.nominal().values
    after = update_rule.accumulate(values, tf.ones([2, 3, 8]), state, inputs)
    for part, means in (
        (after.momentum, (0.02, 0.1)),
        (after.second_moment, (0.01, 0.05)),
    ):
        for of_variable, mean in zip(part.numpy(), means, strict=True):
            # 1 - b: two roundings of numbers near one.
            np.testing.assert_allclose(of_variable, mean, rtol=0, atol=2 * 2.0**-24)


@pytest.mark.parametrize("name", ["output/bias", "matrix/kernel", "word_embeddings"])
def test_zero_heads_give_the_nominal_rule(small_structure, weight_bound, name):
    meta_params = MetaParams.nominal(small_structure)
    plan = make_plans({name: SHAPES[name]}, small_structure)[name]
    step = make_step(meta_params, plan, RuleSettings(total_steps=100, weight_decay=0.1))
    random = np.random.RandomState(1)
    weight = 0.1 * random.standard_normal(plan.shape)
    state = start_state(np.float32(weight), plan, small_structure)
    m, v = np.zeros(plan.shape), np.zeros(plan.shape)
    for t in range(30):
        gradient = gradient_of(weight, random)
        state = step(tf.constant(gradient), state, inputs_at(t, t))
        nominal_step(
            weight, gradient, m, v, t=t, matrix="kernel" in name, decayed="bias" not in name
        )
    step = 0.012 * 1.6 * 6**0.08  # the peak of a matrix, the largest of the three
    bound = weight_bound(steps=30, step=step, num_coords=16 * 12, largest=1.0)
    np.testing.assert_allclose(state.weight, weight, rtol=0, atol=bound)


def test_zero_heads_add_exactly_nothing(small_structure):
    """Two untrained sets with different encoders and memories move a weight to the same bits."""
    plan = make_plans({"vector": (37,)}, small_structure)["vector"]
    moved = []
    for seed in (0, 1):
        meta_params = MetaParams.nominal(dataclasses.replace(small_structure, seed=seed))
        step = make_step(meta_params, plan, RuleSettings())
        random, state = np.random.RandomState(2), start_state(np.ones(37), plan, small_structure)
        for t in range(3):
            gradient = tf.constant(gradient_of(np.ones(37), random))
            state = step(gradient, state, inputs_at(t, t))
        moved.append(state.weight.numpy())
    assert np.array_equal(*moved)


@pytest.mark.parametrize(
    "zeros", [["step_head/kernel", "step_head/bias"], ["network/output"], list(ZERO_HEADS)]
)
@pytest.mark.parametrize("name", ["vector", "matrix/kernel"])
def test_head_of_zeros_is_left_out_and_changes_nothing(
    small_structure, live_meta_params, weight_bound, zeros, name
):
    """Values that are known while the graph is built, against values that are arguments."""
    live = live_meta_params(small_structure)
    values = live.values | {entry: 0 * live.values[entry] for entry in zeros}
    plan = make_plans({name: SHAPES[name]}, small_structure)[name]
    rule = functools.partial(
        update_rule.update, plan=plan, structure=small_structure, settings=RuleSettings()
    )
    compute_all = tf.function(rule)
    values = {entry: tf.constant(value) for entry, value in values.items()}
    random = np.random.RandomState(3)
    weight = np.float32(random.standard_normal(plan.shape))
    known = unknown = start_state(weight, plan, small_structure)
    known_step = tf.function(functools.partial(rule, values))
    for t in range(3):
        gradient = tf.constant(gradient_of(weight, random))
        known = known_step(gradient, known, inputs_at(t, t))
        unknown = compute_all(values, gradient, unknown, inputs_at(t, t))
    # The steps of a warm-up of 100, times scale and largest multiplier.
    step = 0.012 * 3 / 100 * 1.6 * np.exp(2)
    bound = weight_bound(steps=3, step=step, num_coords=16 * 12, largest=4.0)
    np.testing.assert_allclose(known.weight, unknown.weight, rtol=0, atol=bound)


def test_without_a_nominal_direction_zero_heads_stand_still(small_structure):
    structure = dataclasses.replace(small_structure, nominal_direction=False)
    plan = make_plans(SHAPES, structure, orthogonalise=False)["vector"]
    step = make_step(MetaParams.nominal(structure), plan, RuleSettings())
    state = start_state(tf.ones(SHAPES["vector"]), plan, structure)
    moved = step(tf.range(7.0), state, inputs_at(0, 0))
    np.testing.assert_array_equal(moved.weight, state.weight)


@pytest.mark.parametrize("name", ["vector", "matrix/kernel", "query/kernel"])
def test_step_is_bounded_whatever_the_heads_say(small_structure, name):
    random = np.random.RandomState(0)
    values = {
        entry: value if entry.startswith("rule/") else 1e4 * random.randn(*value.shape)
        for entry, value in MetaParams.nominal(small_structure).values.items()
    }
    meta_params = MetaParams(small_structure, values | {"memory/log_tau": -4.0})
    shapes = SHAPES | {"query/kernel": (16, 24)}  # three heads of 8
    plan = make_plans({name: shapes[name]}, small_structure, attention_block=8)[name]
    state = start_state(np.zeros(plan.shape), plan, small_structure)
    step = make_step(meta_params, plan, RuleSettings())
    for t in range(5):
        gradient = np.float32(random.standard_cauchy(plan.shape) * 10.0 ** random.randint(-6, 6))
        before, state = state, step(tf.constant(gradient), state, inputs_at(1000, t))
        moved = (state.weight - before.weight).numpy()
        if name == "vector":
            assert np.sqrt((moved**2).mean()) <= 4e-3 * np.exp(2) * 2.0
        else:
            # Newton-Schulz leaves singular values below 1.21, see test_newton_schulz. Heads side by
            # side that point the same way add up to the root of their number.
            heads, scale = (3, np.sqrt(24 / 16)) if name == "query/kernel" else (1, 1.0)
            bound = 12e-3 * np.exp(2) * 1.6 * scale * 1.3
            assert np.linalg.norm(moved, 2) <= bound * np.sqrt(heads)


def test_step_that_is_not_finite_returns_every_bit_of_the_state(small_structure):
    meta_params = MetaParams.nominal(small_structure)
    plan = make_plans({"vector": (7,)}, small_structure)["vector"]
    step = make_step(meta_params, plan, RuleSettings(weight_decay=0.1))
    state = step(tf.ones([7]), start_state(np.ones(7), plan, small_structure), inputs_at(0, 0))
    poisoned = tf.constant([np.nan, np.inf, 1, 1, 1, 1, 1], tf.float32)
    after = step(poisoned, state, inputs_at(1, 1, finite=False))
    for old, new in zip(tf.nest.flatten(state), tf.nest.flatten(after), strict=True):
        assert np.array_equal(old.numpy(), new.numpy())


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16])
def test_half_precision_weight_takes_the_rounded_float32_step(small_structure, dtype):
    meta_params = MetaParams.nominal(small_structure)
    plan = make_plans({"vector": (7,)}, small_structure)["vector"]
    step = make_step(meta_params, plan, RuleSettings())
    gradient = tf.cast(tf.linspace(-1.0, 1.0, 7), dtype)
    half = step(gradient, start_state(np.ones(7), plan, small_structure, dtype), inputs_at(999, 0))
    full = step(
        tf.cast(gradient, tf.float32), start_state(np.ones(7), plan, small_structure),
        inputs_at(999, 0),
    )  # fmt: skip
    assert half.weight.dtype == dtype and half.momentum.dtype == tf.float32
    assert np.array_equal(half.weight.numpy(), tf.cast(full.weight, dtype).numpy())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"total_steps": 0}, "total_steps of at least 1, received 0"),
        ({"labels_per_step": 0}, "labels_per_step of at least 1, received 0"),
        ({"weight_decay": -0.1}, "weight_decay of at least 0, received -0.1"),
        ({"matrix_scale": "frobenius"}, "received 'frobenius'"),
        ({"newton_schulz_dtype": "float16"}, "received 'float16'"),
        ({"newton_schulz_coefficients": "mine"}, r"\('jordan', 'you'\), received 'mine'"),
        ({"newton_schulz_wide_iterations": 0}, "wide_iterations of at least 1, received 0"),
        ({"attention_block": -1}, "attention_block of at least 1, received -1"),
        ({"newton_schulz_iterations": 0}, "newton_schulz_iterations of at least 1, received 0"),
    ],
)
def test_setting_out_of_range_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        RuleSettings(**settings)


@pytest.mark.parametrize(
    ("fan_in", "fan_out", "form", "expected"),
    [
        (64, 64, "spectral", 1.6),
        (64, 64, "rms", 1.6),
        (128, 512, "spectral", 3.2),
        (512, 128, "spectral", 1.6),
        (512, 128, "rms", 0.2 * 512**0.5),
    ],
)
def test_matrix_scale(fan_in, fan_out, form, expected):
    # Python floats: a root and a product.
    assert update_rule.matrix_scale(fan_in, fan_out, form) == pytest.approx(expected, rel=1e-15)
