import pytest
import tensorflow as tf

from mnemosyne_tf import Mnemosyne
from pipeline.config import OptimizerConfig
from pipeline.optimizers import make_optimizer


def test_mnemosyne_is_told_the_length_of_the_run():
    optimizer = make_optimizer(OptimizerConfig(), num_train_steps=77)
    assert isinstance(optimizer, Mnemosyne)
    assert optimizer.get_config()["total_steps"] == 77


def test_adamw_decays_kernels_but_not_biases_and_layer_norms():
    config = OptimizerConfig(name="adamw", learning_rate=0.1, weight_decay=0.5, warmup_fraction=0.0)
    optimizer = make_optimizer(config, num_train_steps=10)
    names = ["dense/kernel", "dense/bias", "layer_norm/gamma"]
    variables = [tf.Variable([1.0], name=name) for name in names]
    optimizer.build(variables)
    optimizer.apply_gradients([(tf.constant([0.0]), v) for v in variables])
    # The gradient is 0, so only the decay of rate * 0.5 can move a weight.
    assert [float(v[0]) for v in variables] == [pytest.approx(0.95), 1.0, 1.0]


def test_unknown_optimizer_lists_the_known_ones():
    with pytest.raises(ValueError, match="'adam'.*mnemosyne, adamw"):
        make_optimizer(OptimizerConfig(name="adam"), 10)
