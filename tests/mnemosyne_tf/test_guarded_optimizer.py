"""The guard, shown on the plainest optimizer: gradient descent with one accumulator.

On two replicas it is shown on Mnemosyne, whose compiled updates must agree on them too.
"""

import numpy as np
import pytest
import tensorflow as tf

from mnemosyne_tf import Mnemosyne
from mnemosyne_tf.guarded_optimizer import GuardedOptimizer, all_finite

EPS = float(np.finfo(np.float32).eps)


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


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_verdict_is_false_for_one_bad_number_alone(dtype, compiled):
    verdict = tf.function(all_finite, jit_compile=compiled)
    largest = np.full([3, 5], np.float64(tf.as_dtype(dtype).max))
    shapes = [tf.constant(largest, dtype), tf.zeros([], dtype), tf.zeros([0, 3], dtype)]
    assert bool(verdict(shapes))
    for bad in (np.nan, np.inf, -np.inf):
        largest[2, 1] = bad
        assert not bool(verdict([tf.constant(largest, dtype), *shapes[1:]]))
        assert not bool(verdict([tf.constant(bad, dtype)]))


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
    [
        ({}, [-3.0, -2.0]),
        ({"clipvalue": 0.5}, [0.5, 1.5]),
        ({"clipnorm": 1.0}, [1 - 2**-0.5, 2 - 2**-0.5]),
    ],
)
def test_sparse_gradient_is_clipped_and_applied_as_its_dense_sum(clip, expected):
    optimizer, variables = make(**clip)
    sparse = tf.IndexedSlices(tf.constant([1.0, 4.0, 3.0]), tf.constant([0, 1, 0]), [2])
    optimizer.apply_gradients([(sparse, variables[0])])
    # Norm, quotient, product and difference: some eight roundings of numbers up to 6.
    np.testing.assert_allclose(variables[0].numpy(), expected, rtol=0, atol=8 * EPS)


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


def train_replicated(strategy, meta_params, *, jit_compile=True, steps=5, bad_step=3):
    """Trains with gradients spread over replicas; in `bad_step` the last replica brings a NaN.

    Returns:
        The counters; per variable, the weights of every replica; the learned step multipliers.
    """
    num_replicas = strategy.num_replicas_in_sync
    shapes = {"dense/kernel": (12, 9), "dense/bias": (9,)}

    def random_tensors(seed):
        random = np.random.RandomState(seed)
        return [random.randn(*shape).astype(np.float32) for shape in shapes.values()]

    with strategy.scope():
        optimizer = Mnemosyne(meta_params=meta_params, jit_compile=jit_compile)
        variables = [
            tf.Variable(value, name=name)
            for name, value in zip(shapes, random_tensors(0), strict=True)
        ]
        optimizer.build(variables)

    @tf.function
    def step(gradients, bad):
        def replica_step(gradients):
            replica = tf.distribute.get_replica_context().replica_id_in_sync_group
            is_bad = tf.logical_and(bad, tf.equal(replica, num_replicas - 1))
            share = tf.where(is_bad, np.nan, 1.0 / num_replicas)
            shares = [share * gradient for gradient in gradients]
            optimizer.apply_gradients(zip(shares, variables, strict=True))

        strategy.run(replica_step, args=(gradients,))

    for t in range(steps):
        gradients = [tf.constant(value) for value in random_tensors(1000 + t)]
        step(gradients, tf.constant(t == bad_step))
    counters = (optimizer.iterations, optimizer.applied_steps, optimizer.skipped_steps)
    copies = [strategy.experimental_local_results(variable) for variable in variables]
    weights = [[copy.numpy() for copy in each] for each in copies]
    return [int(counter.numpy()) for counter in counters], weights, optimizer.step_multipliers()


@pytest.fixture(scope="module")
def trained_on_two(live, two_replicas):
    return train_replicated(two_replicas, live)


def test_two_replicas_reach_the_weights_of_one(live, trained_on_two, weight_bound):
    device = tf.distribute.OneDeviceStrategy("CPU:0")
    _, one, multipliers = train_replicated(device, live, jit_compile=False)
    # The log multiplier, 2 tanh of an inner product of 4, is off by what the direction is.
    direction = weight_bound(steps=1, step=1.0, num_coords=12 * 9, largest=0.0)
    assert trained_on_two[2] == pytest.approx(multipliers, rel=2 * direction)
    # The rates of steps 1 to 5 of a warm-up of 100, times scale and largest multiplier.
    step = 0.012 * 5 / 100 * 1.6 * np.exp(2)
    bound = weight_bound(steps=4, step=step, num_coords=12 * 9, largest=4.0)
    for (single,), (first, second) in zip(one, trained_on_two[1], strict=True):
        assert np.array_equal(first, second)
        np.testing.assert_allclose(first, single, rtol=0, atol=bound)


def test_nan_on_one_replica_is_skipped_and_counted_on_both(trained_on_two):
    counters, weights, _ = trained_on_two
    assert counters == [5, 4, 1]
    assert all(np.isfinite(copy).all() for each in weights for copy in each)


def test_variables_of_keras_3_are_refused_with_what_to_set():
    class KerasThreeVariable:
        name, shape, dtype = "kernel", (2, 2), "float32"

    with pytest.raises(TypeError, match=r"`tf_keras`.*TF_USE_LEGACY_KERAS=1"):
        Mnemosyne().build([KerasThreeVariable()])
