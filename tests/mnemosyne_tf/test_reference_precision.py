"""Weights of half precision, and a policy of mixed precision, beside the twin for 100 steps."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from optimizer_twin import SHAPES, STEPS, Twin, make_variables, run_beside_twins

from mnemosyne_tf import Mnemosyne


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
