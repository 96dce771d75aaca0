"""The role of a variable decides whether weight decay applies, not what its name contains."""

import pytest
import tensorflow as tf
import tf_keras as keras

from pipeline.optimizers.from_recipe import make_optimizer
from pipeline.optimizers.table import HAND_DESIGNED
from pipeline.recipes.sections import OptimizerConfig


@pytest.mark.parametrize("name", [row.name for row in HAND_DESIGNED])
def test_every_baseline_decays_by_role(name):
    config = OptimizerConfig(name=name, learning_rate=0.1, weight_decay=0.5, warmup_fraction=0.0)
    optimizer = make_optimizer(config, num_train_steps=10, labels_per_step=7)
    shapes = {"unbiased_head/kernel": [1, 1], "dense/bias": [1], "layer_norm/gamma": [1]}
    variables = [tf.Variable(tf.ones(shape), name=name) for name, shape in shapes.items()]
    optimizer.build(variables)
    optimizer.apply_gradients([(tf.zeros_like(v), v) for v in variables])
    # The gradient is 0, so only the decay of rate * 0.5 can move a weight. LAMB makes it a step in
    # proportion to the weight; of Schedule-Free's rate the bias correction leaves sqrt(1 - 0.999).
    moved = {"lamb": 0.1, "schedule_free_adamw": 0.05 * 0.001**0.5}.get(name, 0.05)
    assert [float(tf.squeeze(v)) for v in variables] == [pytest.approx(1 - moved), 1.0, 1.0]


@pytest.mark.parametrize("name", ["adamw", "nadamw"])
def test_user_can_exclude_more_and_a_copy_decays_by_role_too(name):
    config = OptimizerConfig(name=name, learning_rate=0.1, weight_decay=0.5, warmup_fraction=0.0)
    optimizer = make_optimizer(config, num_train_steps=10, labels_per_step=7)
    twin = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    for made in (optimizer, twin):
        variables = [tf.Variable([[1.0]], name="head/kernel"), tf.Variable([1.0], name="scale")]
        if made is optimizer:
            made.exclude_from_weight_decay(var_names=["head"])
        made.build(variables)
        made.apply_gradients([(tf.zeros_like(v), v) for v in variables])
        kernel = 1.0 if made is optimizer else 0.95
        assert [float(tf.squeeze(v)) for v in variables] == [pytest.approx(kernel), 1.0]
