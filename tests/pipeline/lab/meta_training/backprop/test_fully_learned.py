import numpy as np
import pytest
import tensorflow as tf
from numeric_bounds import rounding

from mnemosyne_tf.update_rule import StepInputs
from pipeline.lab.meta_training.backprop.fully_learned import fully_learned
from pipeline.lab.meta_training.backprop.unroll import nominal_elementwise

KINDS = ("cam", "lstm", "rnnprop")


def first_step(optimizer, values):
    """What one step takes from a weight of 1."""
    states = optimizer.init({"kernel": tf.ones([2, 3])})
    inputs = StepInputs(
        tf.constant(0, tf.int64), tf.constant(0, tf.int64), tf.constant(1.0), tf.constant(True)
    )
    params = optimizer.meta_params({**optimizer.params.values, **values})
    gradients = {"kernel": tf.ones([2, 3])}
    moved = optimizer.update(params, gradients, states, inputs)
    return 1.0 - moved["kernel"].weight.numpy()


# What lets an answer be as large as it can: 1 in the CAM's network, times e^2; 1 of the LSTMs.
LARGEST = {
    "cam": {
        "network/bias": np.full(4, 30.0, np.float32),
        "network/output": np.full(4, 0.25, np.float32),
        "step_head/bias": np.float32(30.0),
    },
    "lstm": {"output/kernel": np.zeros(20, np.float32), "output/bias": np.float32(1.0)},
    "rnnprop": {"output/bias": np.float32(30.0)},
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_longest_step_is_the_same(kind):
    # Some 20 roundings make the step; 1 less the weight near 1 has ten more of each.
    found = first_step(fully_learned(kind), LARGEST[kind])
    np.testing.assert_allclose(found, 0.1, rtol=rounding(20 + 2 * 10))


@pytest.mark.parametrize("kind", KINDS)
def test_who_answers_nothing_leaves_weights_alone(kind):
    # No weight decay behind the back of what is learned.
    zeros = {
        name: np.zeros_like(value)
        for name, value in fully_learned(kind).params.values.items()
        if name.startswith(("output/", "network/output"))
    }
    np.testing.assert_array_equal(first_step(fully_learned(kind), zeros), 0.0)


@pytest.mark.parametrize("kind", ["cam", "rnnprop"])
def test_decays_are_those_of_the_rule_that_is_imitated(kind):
    teacher, params = nominal_elementwise().params.values, fully_learned(kind).params.values
    for name in ("rule/momentum_decay", "rule/second_moment_decay"):
        assert params[name] == teacher[name]


@pytest.mark.parametrize("kind", KINDS)
def test_untrained_kernels_follow_the_seed_and_nothing_else_does(kind):
    first, other = (fully_learned(kind, seed).params.values for seed in (3, 4))
    moved = {name for name, value in first.items() if not np.array_equal(value, other[name])}
    # Heads and biases begin at 0 or 1.
    assert moved == {name for name, value in first.items() if len(np.unique(value)) > 2}
