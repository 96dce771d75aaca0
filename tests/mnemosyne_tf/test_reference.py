"""The twin on cases worked out by hand, and the optimizer beside its twin for 100 steps."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from mnemosyne_tf import MetaParams, Mnemosyne, Structure, reference
from mnemosyne_tf.parameter_roles import HORIZON_ENTRIES, RATE_ENTRIES, find_role
from mnemosyne_tf.update_rule import RuleSettings
from mnemosyne_tf.variable_plan import plan_variable

STEPS = 100
TABLE = "word_embeddings"
SHAPES = {
    "scalar": (),
    "vector": (7,),
    "output/bias": (50,),
    "matrix/kernel": (16, 12),
    "heads/kernel": (8, 2, 16),
    TABLE: (21, 9),
}
SOME = {name: SHAPES[name] for name in ("output/bias", "heads/kernel", TABLE)}
# Without chunks: smaller ones, because the twin takes a loop for each coordinate.
FEW = {"scalar": (), "output/bias": (7,), "matrix/kernel": (9, 8), TABLE: (5, 3)}
# Each variant of the paper, and each of ours, is a setting: structure, optimizer, shapes.
VARIANTS = {
    "pooled": ({}, {"total_steps": 120, "weight_decay": 0.1}, SHAPES),
    "pooled by Performers": ({"level_1": "performer"}, {"matrix_scale": "rms"}, SOME),
    "coordinate-wise": ({"level_1": "none", "chunk_size": 1}, {}, FEW),
    "fully learned": (
        {"level_1": "none", "chunk_size": 1, "nominal_direction": False},
        {"total_steps": 90},
        {"scalar": (), "matrix/kernel": (9, 8)},
    ),
    "three decay rates": ({"num_memory_heads": 3}, {"total_steps": 80}, SOME),
    "without level 2": ({"level_2": "none"}, {"total_steps": 90, "labels_per_step": 320}, SOME),
    "without memory": (
        {"use_memory": False},
        {"newton_schulz_iterations": 3, "labels_per_step": 99_000},
        SOME,
    ),
    "without orthogonalisation": ({}, {"orthogonalise": False}, SOME),
    "heads in blocks": (
        {},
        {
            "attention_block": 8,
            "newton_schulz_coefficients": "you",
            "newton_schulz_iterations": 4,
            "newton_schulz_wide_iterations": 3,
        },
        {"query/kernel": (17, 2, 8), "attention_output/kernel": (2, 8, 17), "dense/kernel": (9, 8)},
    ),
    "without Nesterov": ({}, {"nesterov": False}, SOME),
    "network on matrices": ({"network_on_matrices": True}, {"weight_decay": None}, SOME),
}


class Twin:
    """The NumPy state of one variable, stepped beside the optimizer."""

    def __init__(self, optimizer, variable):
        config = optimizer.get_config()
        self.meta_params = optimizer.meta_params
        self.settings = RuleSettings(
            total_steps=config["total_steps"],
            labels_per_step=config["labels_per_step"],
            weight_decay=config["weight_decay"] or 0.0,
            nesterov=config["nesterov"],
            matrix_scale=config["matrix_scale"],
            newton_schulz_iterations=config["newton_schulz_iterations"],
            newton_schulz_coefficients=config["newton_schulz_coefficients"],
            newton_schulz_wide_iterations=config["newton_schulz_wide_iterations"],
            attention_block=config["attention_block"],
        )
        self.plan = plan_variable(
            name=variable.name,
            shape=variable.shape,
            chunk_size=self.meta_params.structure.chunk_size,
            decayed=bool(self.settings.weight_decay) and "bias" not in variable.name,
            orthogonalise=config["orthogonalise"] and self.meta_params.structure.nominal_direction,
            attention_block=self.settings.attention_block,
        )
        self.role = find_role(variable.name, variable.shape).role
        self.learning_rate = config["learning_rate"]
        weight = tf.cast(variable, tf.float32).numpy()
        self.state = reference.ReferenceState.start(weight, self.plan, self.meta_params)
        self.step_count = 0

    def step(self, gradient):
        reference.update(
            self.meta_params,
            tf.cast(tf.convert_to_tensor(gradient), tf.float64).numpy(),
            self.state,
            iterations=self.step_count,
            applied_steps=self.step_count,
            learning_rate=self.learning_rate,
            plan=self.plan,
            settings=self.settings,
            role=self.role,
        )
        self.step_count += 1

    def assert_same_state(self, optimizer, variable):
        """Every part of the state, to 1e-5 of its largest entry."""
        name = variable.name.split(":")[0]
        variables = {each.name.split(":")[0]: each for each in optimizer.variables}
        pairs = {"weight": (variable, self.state.weight)}
        for part in ("momentum", "second_moment", "memory"):
            if getattr(self.state, part) is not None:
                pairs[part] = (variables[f"{part}/{name}"], getattr(self.state, part))
        multiplier = tf.exp(variables[f"log_multiplier/{name}"])
        pairs["multiplier"] = (multiplier, np.exp(self.state.log_multiplier))
        for part, (value, twin) in pairs.items():
            error = np.abs(tf.cast(value, tf.float64).numpy() - twin).max() / np.abs(twin).max()
            assert error < 1e-5, f"{name}: {part} is off by {error}"


def make_variables(shapes, random, dtype=tf.float32):
    return [
        tf.Variable(tf.cast(0.1 * random.standard_normal(shape or None), dtype), name=name)
        for name, shape in shapes.items()
    ]


def sparse_gradient(variable, random, step):
    """Rows of a table, one of them twice; every tenth time none at all."""
    rows = [] if step % 10 == 3 else [1, 4, 1]
    values = random.standard_normal([len(rows), variable.shape[1]])
    return tf.IndexedSlices(
        tf.constant(values, variable.dtype),
        tf.constant(rows, tf.int32),
        tf.constant(variable.shape, tf.int32),
    )


def dense_gradient(variable, random):
    """Of a noisy quadratic, so that momentum, weight and gradient are correlated."""
    noise = random.standard_normal(variable.shape or None)
    return tf.cast(0.3 * tf.cast(variable, tf.float64) + noise, variable.dtype)


def run_beside_twins(optimizer, variables, *, after_step=lambda *_: None):
    optimizer.build(variables)
    twins = [Twin(optimizer, variable) for variable in variables]
    random = np.random.RandomState(1)

    specs = [
        tf.IndexedSlicesSpec(variable.shape, variable.dtype, tf.int32, tf.int32, [None])
        if TABLE in variable.name
        else tf.TensorSpec(variable.shape, variable.dtype)
        for variable in variables
    ]

    @tf.function(input_signature=[specs])
    def apply(gradients):
        optimizer.apply_gradients(zip(gradients, variables, strict=True))

    for step in range(STEPS):
        gradients = [
            sparse_gradient(variable, random, step)
            if TABLE in variable.name
            else dense_gradient(variable, random)
            for variable in variables
        ]
        apply(gradients)
        for twin, gradient, variable in zip(twins, gradients, variables, strict=True):
            twin.step(gradient)
            after_step(twin, variable)
    for twin, variable in zip(twins, variables, strict=True):
        twin.assert_same_state(optimizer, variable)


# All of it takes most of a minute; the others differ from these in less.
FAST = ("pooled", "coordinate-wise", "fully learned", "three decay rates")


@pytest.mark.parametrize(
    "variant",
    [name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in VARIANTS],
)
def test_every_variant_is_a_setting_and_equals_its_twin_over_100_steps(
    small_structure, live_meta_params, variant
):
    changes, settings, shapes = VARIANTS[variant]
    structure = dataclasses.replace(small_structure, **changes)
    optimizer = Mnemosyne(
        0.5, meta_params=live_meta_params(structure), jit_compile=False, **settings
    )
    run_beside_twins(optimizer, make_variables(shapes, np.random.RandomState(0)))


@pytest.mark.parametrize("changes", [{}, {"num_memory_heads": 2}], ids=["pooled", "two rates"])
def test_compiled_update_equals_its_twin_over_100_steps(small_structure, live_meta_params, changes):
    structure = dataclasses.replace(small_structure, **changes)
    optimizer = Mnemosyne(meta_params=live_meta_params(structure), total_steps=100)
    shapes = {"heads/kernel": SHAPES["heads/kernel"]}
    run_beside_twins(optimizer, make_variables(shapes, np.random.RandomState(0)))


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16])
def test_half_precision_weight_is_its_twin_rounded_in_each_of_100_steps(
    small_structure, live_meta_params, dtype
):
    half_ulp = {tf.float16: 2.0**-11, tf.bfloat16: 2.0**-8}[dtype]

    def round_twin(twin, variable):
        weight, twin_weight = tf.cast(variable, tf.float64).numpy(), twin.state.weight
        bound = (half_ulp + 1e-6) * np.abs(twin_weight) + 1e-7
        assert (np.abs(weight - twin_weight) <= bound).all()
        twin.state.weight = weight

    shapes = {name: SHAPES[name] for name in ("vector", "matrix/kernel")}
    optimizer = Mnemosyne(meta_params=live_meta_params(small_structure), jit_compile=False)
    variables = make_variables(shapes, np.random.RandomState(0), dtype)
    run_beside_twins(optimizer, variables, after_step=round_twin)


def test_mixed_precision_model_equals_its_twin_over_100_steps(small_structure, live_meta_params):
    layer = keras.layers.Dense(9, dtype=keras.mixed_precision.Policy("mixed_float16"))
    layer.build([None, 12])
    inner = Mnemosyne(meta_params=live_meta_params(small_structure), jit_compile=False)
    optimizer = keras.mixed_precision.LossScaleOptimizer(inner, dynamic=False, initial_scale=128.0)
    optimizer.build(layer.trainable_variables)
    twins = [Twin(inner, variable) for variable in layer.trainable_variables]

    @tf.function
    def step(batch):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(tf.cast(layer(batch), tf.float32) - 1.0))
            scaled = optimizer.get_scaled_loss(loss)
        gradients = tape.gradient(scaled, layer.trainable_variables)
        gradients = optimizer.get_unscaled_gradients(gradients)
        optimizer.apply_gradients(zip(gradients, layer.trainable_variables, strict=True))
        return gradients

    random = np.random.RandomState(2)
    for _ in range(STEPS):
        gradients = step(tf.constant(random.standard_normal([8, 12]), tf.float16))
        for twin, gradient in zip(twins, gradients, strict=True):
            twin.step(gradient)
    assert layer.compute_dtype == "float16" and layer.kernel.dtype == tf.float32
    for twin, variable in zip(twins, layer.trainable_variables, strict=True):
        twin.assert_same_state(inner, variable)


def test_first_nominal_step_of_a_vector_is_the_sign_of_its_gradient():
    meta_params = MetaParams.nominal(Structure(chunk_size=2, width=4, num_random_features=4))
    meta_params = meta_params.without("run_scaling")
    plan = plan_variable(name="v", shape=(3,), chunk_size=2, decayed=True, orthogonalise=True)
    state = reference.ReferenceState.start(np.array([1.0, 2.0, 3.0]), plan, meta_params)
    reference.update(
        meta_params,
        np.array([5.0, -0.1, 0.0]),
        state,
        iterations=0,
        applied_steps=0,
        learning_rate=1.0,
        plan=plan,
        settings=RuleSettings(total_steps=10, weight_decay=0.5),
    )
    # Warm-up of one step; decay 0.5 w; RMS of (1, -1, 0) is below 1 and is left alone.
    expected = np.array([1.0, 2.0, 3.0]) - 8e-3 * np.array([1 + 0.5, -1 + 1.0, 1.5])
    np.testing.assert_allclose(state.weight, expected, rtol=1e-7)


def test_attention_with_equal_keys_is_the_mean():
    values = np.arange(6.0).reshape(3, 2)
    attended = reference.attention(np.ones([1, 4]), np.ones([3, 4]), values)
    np.testing.assert_allclose(attended, [[2.0, 3.0]])


def test_newton_schulz_of_a_scaled_identity_is_the_scalar_iteration():
    x = 1 / np.sqrt(2.0)
    for _ in range(5):
        x = 3.4445 * x - 4.7750 * x**3 + 2.0315 * x**5
    np.testing.assert_allclose(reference.newton_schulz(7.0 * np.eye(2), 5), x * np.eye(2))
    assert x == pytest.approx(1.0, abs=0.3)


@pytest.mark.parametrize("jit_compile", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_rates_and_horizons_by_role_equal_the_twin_over_100_steps(
    small_structure, live_meta_params, jit_compile
):
    """Every role has its own; variables of one plan and several roles are moved together."""
    shapes = {
        f"{name}/kernel": (9, 8) for name in ("query", "value", "intermediate", "fc2", "dense")
    } | {"layer_norm/gamma": (8,), "query/bias": (8,), "position_embeddings": (9, 8)}
    rates = {role: 0.5 + 0.25 * index for index, role in enumerate(RATE_ENTRIES)}
    horizons = {role: 1.0 + 0.5 * index for index, role in enumerate(HORIZON_ENTRIES)}
    optimizer = Mnemosyne(
        meta_params=live_meta_params(small_structure),
        role_rates=rates,
        role_horizons=horizons,
        weight_decay=None,
        jit_compile=jit_compile,
    )
    run_beside_twins(optimizer, make_variables(shapes, np.random.RandomState(0)))
