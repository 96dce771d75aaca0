"""Contract of every optimizer: the settings that Keras gives to all."""

import json

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

EPS = float(np.finfo(np.float32).eps)
LARGEST = 4.0  # above all weights, 118 standard normal numbers


@pytest.fixture(autouse=True)
def one_of_each_class(contestant):
    contestant.left_out(["mnemosyne_performer"], "a variant of mnemosyne, whose settings are tried")


def piecewise(rate):
    """The rate for two steps, then 0."""
    return keras.optimizers.schedules.PiecewiseConstantDecay([1], [rate, 0.0])


@pytest.mark.parametrize("scheduled", [False, True])
def test_twin_from_the_json_of_its_configuration_takes_the_same_steps(
    contestant, problem, scheduled
):
    decay = keras.optimizers.schedules.PolynomialDecay(contestant.rate, 10, 0.1 * contestant.rate)
    rate = decay if scheduled else 0.5 * contestant.rate
    optimizer = contestant.make(learning_rate=rate, weight_decay=0.2, clipnorm=0.5, name="Other")
    if contestant.ours:
        optimizer.exclude_from_weight_decay(var_names=["kernel"])  # Keras's own forget it
        text = json.dumps(keras.optimizers.serialize(optimizer))
        twin = keras.optimizers.deserialize(json.loads(text))
    else:  # Keras gives a NumPy scalar, and `deserialize` knows neither Lion nor Adafactor
        text = json.dumps(optimizer.get_config(), default=float)
        twin = type(optimizer).from_config(json.loads(text))
    assert np.array_equal(problem.trained(optimizer), problem.trained(twin))


VELOCITY = "its velocity holds the rates of the steps before and runs on"


def test_schedule_is_followed_to_a_standstill(contestant, problem):
    contestant.left_out(["sgd"], VELOCITY)
    two, five = (
        problem.trained(contestant.make(learning_rate=piecewise(contestant.rate)), steps)
        for steps in (2, 5)
    )
    # Steps of length zero may round a weight, where it is an average of others.
    np.testing.assert_allclose(two, five, rtol=0, atol=3 * LARGEST * EPS)
    assert np.abs(two - problem.trained(contestant.make(), 0)).max() > 1e-4


def test_learning_rate_can_be_set_between_steps(contestant, problem):
    contestant.left_out(["sgd"], VELOCITY)
    optimizer, variables = contestant.make(), problem.variables()
    problem.apply(optimizer, problem.gradients(0), variables)
    before = problem.flat(variables)
    optimizer.learning_rate = 0.0
    problem.apply(optimizer, problem.gradients(1), variables)
    np.testing.assert_allclose(problem.flat(variables), before, rtol=0, atol=LARGEST * EPS)


def kernel_after_a_zero_gradient(contestant, problem, weight_decay, **excluded):
    optimizer, variables = contestant.make(weight_decay=weight_decay), problem.variables()
    if "var_names" in excluded:
        optimizer.exclude_from_weight_decay(**excluded)
    if "var_list" in excluded:
        optimizer.exclude_from_weight_decay(var_list=[variables[0]])
    problem.apply(optimizer, [tf.zeros(shape) for shape in problem.shapes.values()], variables)
    return variables[0].numpy()


def test_weight_decay_is_decoupled(contestant, problem):
    start = problem.variables()[0].numpy()
    none, some = (kernel_after_a_zero_gradient(contestant, problem, d) for d in (0.0, 0.5))
    share = (none - some) / start
    assert share.min() > 0
    # Both weights are rounded, by half an eps in each of some four operations.
    atol = 4 * EPS * (np.abs(none) / np.abs(start)).max()
    np.testing.assert_allclose(share, share.mean(), rtol=0, atol=atol)


@pytest.mark.parametrize("excluded", [{"var_names": ["kern"]}, {"var_list": True}], ids=list)
def test_excluded_variable_is_not_decayed(contestant, problem, excluded):
    spared = kernel_after_a_zero_gradient(contestant, problem, 0.5, **excluded)
    none = kernel_after_a_zero_gradient(contestant, problem, 0.0)
    assert np.array_equal(spared, none)


def clipped(clip, gradients):
    """The gradients as they are to reach the rule, by NumPy."""
    arrays = [np.float64(gradient) for gradient in gradients]
    norms = [np.linalg.norm(array) for array in arrays]
    if clip == "global_clipnorm":
        norms = [np.linalg.norm(norms)] * len(norms)
    return [array * min(1, 0.5 / norm) for array, norm in zip(arrays, norms, strict=True)]


@pytest.mark.parametrize("clip", ["clipnorm", "global_clipnorm"])
def test_clipped_gradients_are_what_the_rule_sees(contestant, problem, clip):
    # The second step is small and not clipped, so the scale shows in every moment.
    scales = (100.0, 0.01)
    inside, outside = problem.variables(), problem.variables()
    optimizer, plain = contestant.make(**{clip: 0.5}), contestant.make()
    for t, scale in enumerate(scales):
        gradients = [scale * gradient for gradient in problem.gradients(t)]
        problem.apply(optimizer, gradients, inside)
        problem.apply(
            plain, [tf.constant(g, tf.float32) for g in clipped(clip, gradients)], outside
        )
    # The two norms are sums of 118 squares, in float32 and float64.
    np.testing.assert_allclose(
        problem.flat(inside), problem.flat(outside), rtol=0, atol=contestant.bound(2)
    )


def test_moving_average_follows_and_replaces_the_weights_when_asked(contestant, problem):
    contestant.left_out(["schedule_free_adamw"], "averages the weights itself and refuses use_ema")
    optimizer, variables = contestant.make(use_ema=True, ema_momentum=0.5), problem.variables()
    average = problem.flat(variables)
    for t in range(3):
        problem.apply(optimizer, problem.gradients(t), variables)
        average = 0.5 * average + 0.5 * problem.flat(variables)
    optimizer.finalize_variable_values(variables)
    # Two products and a sum in each of three steps.
    np.testing.assert_allclose(problem.flat(variables), average, rtol=0, atol=3 * LARGEST * EPS)


def test_loss_scale_changes_nothing_and_an_overflow_moves_nothing(contestant, problem):
    variables, expected = problem.variables(), problem.variables()
    plain = contestant.make()
    scaled = keras.mixed_precision.LossScaleOptimizer(contestant.make(), initial_scale=8.0)

    def scaled_step(gradients):
        scale = float(scaled.loss_scale)
        gradients = [scale * gradient for gradient in gradients]
        problem.apply(scaled, scaled.get_unscaled_gradients(gradients), variables)

    scaled_step(problem.gradients(0))
    problem.apply(plain, problem.gradients(0), expected)
    kernel, bias, _ = problem.gradients(7)
    scaled_step([kernel, bias, tf.constant(np.inf)])
    assert float(scaled.loss_scale) == 4.0
    assert np.array_equal(problem.flat(variables), problem.flat(expected))
    plain.iterations.assign_add(1)  # an overflow counts for schedules
    scaled_step(problem.gradients(1))
    problem.apply(plain, problem.gradients(1), expected)
    assert np.array_equal(problem.flat(variables), problem.flat(expected))


def test_accumulated_micro_gradients_make_the_step_of_their_sum(contestant, problem):
    optimizer, variables = contestant.make(), problem.variables()
    optimizer.build(variables)
    sums = [tf.Variable(tf.zeros_like(variable)) for variable in variables]

    def apply():
        problem.apply(optimizer, [total.read_value() for total in sums], variables)
        for total in sums:
            total.assign(tf.zeros_like(total))

    @tf.function
    def micro_step(gradients, last):
        for total, gradient in zip(sums, gradients, strict=True):
            total.assign_add(gradient)
        tf.cond(last, apply, lambda: None)

    for t in range(3):
        for share in (0.25, 0.75):
            gradients = [share * gradient for gradient in problem.gradients(t)]
            micro_step(gradients, tf.constant(share == 0.75))
    assert int(optimizer.iterations) == 3
    expected = problem.trained(contestant.make())
    np.testing.assert_allclose(problem.flat(variables), expected, rtol=0, atol=contestant.bound(3))
