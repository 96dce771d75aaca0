"""Mnemosyne as a Keras 2 optimizer: compilation, what scales and spares a step, its summary."""

import numpy as np
import pytest
import tensorflow as tf

from mnemosyne_tf import MetaParams, Mnemosyne

SHAPES = {"dense/kernel": (12, 9), "dense/bias": (9,)}
EPS = float(np.finfo(np.float32).eps)


def make_variables(seed=0):
    random = np.random.RandomState(seed)
    return [
        tf.Variable(random.randn(*shape).astype(np.float32), name=name)
        for name, shape in SHAPES.items()
    ]


def make_gradients(step):
    random = np.random.RandomState(1000 + step)
    return [tf.constant(random.randn(*shape).astype(np.float32)) for shape in SHAPES.values()]


def make_step(optimizer, variables, **kwargs):
    """One step of training as a graph; one compiled program with jit_compile=True."""
    optimizer.build(variables)
    return tf.function(lambda gradients: apply(optimizer, gradients, variables), **kwargs)


def apply(optimizer, gradients, variables):
    return optimizer.apply_gradients(zip(gradients, variables, strict=True))


def flat(variables):
    return np.concatenate([variable.numpy().ravel() for variable in variables])


def weights_after(optimizer, steps):
    """Weights after eager steps."""
    variables = make_variables()
    for t in range(steps):
        apply(optimizer, make_gradients(t), variables)
    return flat(variables)


# Of steps 1 to 4 of a warm-up of 100: rate, scale of a matrix, largest multiplier.
STEP = 0.012 * 4 / 100 * 1.6 * np.exp(2)


@pytest.fixture
def bound(weight_bound):
    """On weights of up to 4 after four steps."""
    return weight_bound(steps=4, step=STEP, num_coords=12 * 9, largest=4.0)


def test_compiled_update_is_the_default_traced_once_and_equal_to_eager(live, bound):
    optimizer, variables = Mnemosyne(meta_params=live), make_variables()
    step = make_step(optimizer, variables)
    for t in range(4):
        step(make_gradients(t))
    assert optimizer.jit_compile
    assert step.experimental_get_tracing_count() == 1
    updates = optimizer._updates.values()
    assert [update.in_place.experimental_get_tracing_count() for update in updates] == [1] * 2
    eager = weights_after(Mnemosyne(meta_params=live, jit_compile=False), 4)
    np.testing.assert_allclose(flat(variables), eager, rtol=0, atol=bound)


@pytest.mark.slow
def test_whole_step_compiles_into_one_program(live, bound):
    variables = make_variables()
    step = make_step(Mnemosyne(meta_params=live), variables, jit_compile=True)
    for t in range(4):
        step(make_gradients(t))
    eager = weights_after(Mnemosyne(meta_params=live, jit_compile=False), 4)
    np.testing.assert_allclose(flat(variables), eager, rtol=0, atol=bound)


@pytest.mark.parametrize("together", [True, False])
def test_variables_of_one_shape_share_one_compiled_function(live, bound, monkeypatch, together):
    """As one stack, or one after the other when they are large; either way as if alone."""
    monkeypatch.setattr("mnemosyne_tf.model_update.MAX_STACKED_COORDS", 108 if together else 107)
    random = np.random.RandomState(3)
    values, gradients = random.randn(2, 3, 12, 9).astype(np.float32)
    variables = [tf.Variable(value, name=f"layer{i}/kernel") for i, value in enumerate(values)]
    optimizer = Mnemosyne(meta_params=live)
    step = make_step(optimizer, variables)
    for _ in range(2):
        step(list(map(tf.constant, gradients)))
    update = optimizer._updates[optimizer._model.plans[0]]
    assert update.of_stack.experimental_get_tracing_count() == together
    assert update.in_place.experimental_get_tracing_count() == (not together)
    for value, gradient, variable in zip(values, gradients, variables, strict=True):
        alone = tf.Variable(value, name="kernel")
        optimizer = Mnemosyne(meta_params=live, jit_compile=False)
        for _ in range(2):
            optimizer.apply_gradients([(tf.constant(gradient), alone)])
        np.testing.assert_allclose(variable.numpy(), alone.numpy(), rtol=0, atol=bound)


def test_memory_that_no_head_reads_is_not_kept(live):
    for meta_params, floats_kept in (("nominal", 2 * 117), (live, 2 * 117 + 10 * 8 * 5 + 2)):
        optimizer = Mnemosyne(meta_params=meta_params)
        optimizer.build(make_variables())
        state = optimizer.variables[3:]
        assert sum(int(np.prod(variable.shape)) for variable in state) == floats_kept


@pytest.mark.parametrize("jit_compile", [False, True])
def test_step_multipliers_are_what_the_nominal_step_was_multiplied_by(
    small_structure, weight_bound, jit_compile
):
    """Of variables updated as a stack and of one by itself; a skipped step has none."""
    nominal = MetaParams.nominal(small_structure)
    head = MetaParams(small_structure, nominal.values | {"step_head/bias": np.float32(0.3)})
    moved = []
    for meta_params in (nominal, head):
        variables = make_variables() + make_variables(1)
        start = flat(variables)
        optimizer = Mnemosyne(meta_params=meta_params, weight_decay=None, jit_compile=jit_compile)
        step = make_step(optimizer, variables[:3])
        assert optimizer.step_multipliers() == [1.0] * 3
        step(make_gradients(0) + make_gradients(1)[:1])
        moved.append(flat(variables) - start)
    expected = np.exp(2.0 * np.tanh(0.3))
    # tanh, mean and exp of a number up to 2: some eight roundings.
    assert optimizer.step_multipliers() == pytest.approx([expected] * 3, rel=8 * EPS)
    # Both differences of weights up to 4 are off by the rounding of the weights.
    bound = weight_bound(steps=1, step=STEP, num_coords=12 * 9, largest=4.0)
    np.testing.assert_allclose(moved[1], expected * moved[0], rtol=0, atol=(1 + expected) * bound)
    step([np.nan * gradient for gradient in make_gradients(0) + make_gradients(1)[:1]])
    assert optimizer.step_multipliers() == pytest.approx([expected] * 3, rel=8 * EPS)


def test_learning_rate_scales_the_step(weight_bound):
    start = weights_after(Mnemosyne(jit_compile=False), 0)
    moved = [
        weights_after(Mnemosyne(rate, weight_decay=None, jit_compile=False), 1) - start
        for rate in (1.0, 0.5)
    ]
    bound = weight_bound(steps=1, step=STEP, num_coords=12 * 9, largest=4.0)
    np.testing.assert_allclose(moved[1], 0.5 * moved[0], rtol=0, atol=1.5 * bound)


def test_decay_spares_biases_norms_and_named_variables():
    names = ("dense/kernel", "dense/bias", "LayerNorm/gamma", "batch_norm/scale", "head/kernel")
    variables = [tf.Variable(tf.ones([9, 9]), name=name) for name in names]
    optimizer = Mnemosyne(weight_decay=0.5, jit_compile=False)
    optimizer.exclude_from_weight_decay(var_names=["head"])
    optimizer.apply_gradients([(tf.zeros([9, 9]), variable) for variable in variables])
    decayed = [bool((variable.numpy() < 1.0).all()) for variable in variables]
    assert decayed == [True, False, False, False, False]
    # Step 1 of a warm-up of 100: 12e-3 / 100 * 0.5.
    # The weight is rounded once; the step is far below a rounding of it off.
    np.testing.assert_allclose(variables[0].numpy(), 1.0 - 6e-5, rtol=EPS)


def test_quadratic_falls():
    target = 0.1 * np.random.RandomState(5).randn(12, 9).astype(np.float32)
    variable = tf.Variable(tf.zeros([12, 9]), name="kernel")
    optimizer = Mnemosyne(total_steps=150, weight_decay=None, jit_compile=False)
    step = make_step(optimizer, [variable])
    for _ in range(150):
        step([variable - target])
    assert np.abs(variable.numpy() - target).mean() < 0.1 * np.abs(target).mean()


def test_summary_tells_the_path_of_every_variable(live):
    optimizer, lines = Mnemosyne(meta_params=live), []
    optimizer.build(make_variables())
    optimizer.summary(print_fn=lines.append)
    assert "matrix 12 x 9" in lines[1] and "elementwise" in lines[2]
    state = sum(4 * int(np.prod(variable.shape)) for variable in optimizer.variables[3:])
    assert f"{state:,} bytes of state" in lines[-1]


def test_summary_before_build_says_what_to_do():
    with pytest.raises(RuntimeError, match="optimizer.build"):
        Mnemosyne().summary()
    with pytest.raises(RuntimeError, match="optimizer.build"):
        Mnemosyne().step_multipliers()
