"""The guard, shown on the plainest optimizer: gradient descent with one accumulator."""

import numpy as np
import pytest
import tensorflow as tf

from mnemosyne_tf.guarded_optimizer import GuardedOptimizer


class Descent(GuardedOptimizer):
    """W <- w - g, and a running sum of gradients."""

    def __init__(self, **kwargs):
        super().__init__(name="Descent", **kwargs)
        self._learning_rate = self._build_learning_rate(1.0)

    def build(self, var_list):
        if getattr(self, "_built", False):
            return
        super().build(var_list)
        self._sums = [self.add_float32_state(v, "sum", v.shape) for v in var_list]
        self._built = True

    def update_step(self, gradient, variable, finite=None):
        total = self._sums[self._index_dict[self._var_key(variable)]]
        gradient = tf.cast(gradient, tf.float32)
        total.assign(tf.where(finite, total + gradient, total))
        moved = variable - tf.cast(gradient, variable.dtype)
        variable.assign(tf.where(finite, moved, variable))

    def get_config(self):
        return super().get_config()


def make(**kwargs):
    variables = [tf.Variable([1.0, 2.0]), tf.Variable([[3.0]])]
    optimizer = Descent(jit_compile=False, **kwargs)
    optimizer.build(variables)
    return optimizer, variables


def values(variables):
    return [variable.numpy().tolist() for variable in variables]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("compiled", [False, True])
def test_bad_gradient_anywhere_skips_every_variable(bad, compiled):
    optimizer, variables = make(use_ema=True)
    step = tf.function(
        lambda bad: optimizer.apply_gradients(
            zip([tf.ones([2]), tf.reshape(bad, [1, 1])], variables, strict=True)
        ),
        jit_compile=compiled,
    )
    step(1.0)
    before = values(optimizer.variables[3:]) + values(variables)
    step(tf.constant(bad))
    assert values(optimizer.variables[3:]) + values(variables) == before
    counters = (optimizer.iterations, optimizer.applied_steps, optimizer.skipped_steps)
    assert [int(counter) for counter in counters] == [2, 1, 1]


def test_good_step_after_a_bad_one_is_applied():
    optimizer, variables = make()
    for gradient in (np.nan, 1.0):
        optimizer.apply_gradients([(tf.constant([gradient, 1.0]), variables[0])])
    assert values(variables[:1]) == [[0.0, 1.0]]


@pytest.mark.parametrize("clip", ["clipvalue", "clipnorm", "global_clipnorm"])
def test_clipping_does_not_hide_an_infinity(clip):
    optimizer, variables = make(**{clip: 0.5})
    optimizer.apply_gradients([(tf.constant([np.inf, 1.0]), variables[0])])
    assert values(variables[:1]) == [[1.0, 2.0]]
    assert int(optimizer.skipped_steps) == 1


@pytest.mark.parametrize(
    ("clip", "expected"),
    [({}, [-3.0, -2.0]), ({"clipvalue": 0.5}, [0.5, 1.5]), ({"clipnorm": 1.0}, [0.2929, 1.2929])],
)
def test_sparse_gradient_is_clipped_and_applied_as_its_dense_sum(clip, expected):
    optimizer, variables = make(**clip)
    sparse = tf.IndexedSlices(tf.constant([1.0, 4.0, 3.0]), tf.constant([0, 1, 0]), [2])
    optimizer.apply_gradients([(sparse, variables[0])])
    np.testing.assert_allclose(variables[0].numpy(), expected, atol=1e-4)


def test_empty_sparse_gradient_moves_nothing():
    optimizer, variables = make()
    sparse = tf.IndexedSlices(tf.zeros([0]), tf.zeros([0], tf.int32), [2])
    optimizer.apply_gradients([(sparse, variables[0])])
    assert values(variables[:1]) == [[1.0, 2.0]]


def test_moving_average_follows_the_applied_steps():
    optimizer, variables = make(use_ema=True, ema_momentum=0.5)
    for gradient in (1.0, np.nan, 1.0):
        optimizer.apply_gradients([(tf.constant([gradient, 0.0]), variables[0])])
    average = optimizer._model_variables_moving_average[0]
    # From 1: halfway to 0, then, the bad step skipped, halfway to -1.
    np.testing.assert_allclose(average.numpy(), [-0.25, 2.0])


def test_average_overwrites_the_weights_at_its_interval():
    optimizer, variables = make(use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2)
    for _ in range(2):
        optimizer.apply_gradients([(tf.constant([1.0, 0.0]), variables[0])])
    np.testing.assert_allclose(variables[0].numpy(), [-0.25, 2.0])


def test_state_of_a_half_precision_weight_is_float32():
    optimizer = Descent(jit_compile=False)
    variable = tf.Variable(tf.ones([3], tf.float16))
    optimizer.build([variable])
    optimizer.apply_gradients([(tf.fill([3], tf.constant(1e-4, tf.float16)), variable)])
    assert optimizer._sums[0].dtype == tf.float32
    assert optimizer._sums[0] is optimizer.variables[-1]
