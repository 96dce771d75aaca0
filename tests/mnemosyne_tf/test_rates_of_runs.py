"""What the labels of a step and the length of a run do to rates, and to the start of the decay."""

import numpy as np
import pytest
import tensorflow as tf

from mnemosyne_tf import MetaParams, Mnemosyne
from mnemosyne_tf.rule_settings import RuleSettings
from mnemosyne_tf.step_size import rule_of_run, run_scale, start_of_decay, step_size
from mnemosyne_tf.variable_plan import plan_variable

EPS = float(np.finfo(np.float32).eps)


def factor(labels, steps, batch_exponent=0.5, length_exponent=-0.25):
    return float(
        run_scale(
            labels_per_step=labels,
            total_steps=steps,
            batch_exponent=tf.constant(batch_exponent),
            length_exponent=tf.constant(length_exponent),
        )
    )


@pytest.mark.parametrize(
    ("labels", "steps", "expected"),
    [
        (160, 600, 1.0),  # where the rates were found
        (640, 600, 2.0),  # four times the labels
        (40, 600, 0.5),
        (160, 1_200, 0.5**0.25),
        (640, 1_200, 2 * 0.5**0.25),
        (640, None, 2.0),  # a rule that knows one number follows it
        (None, 1_200, 0.5**0.25),
        (None, None, 1.0),
        (160_000, 10**6, 8**0.5 * 8**-0.25),  # nobody measured more than eight times
        (1, 1, 8**-0.5 * 8**0.25),
    ],
)
def test_factor(labels, steps, expected):
    # Two powers and a product; a power of x errs by its exponent times log x, here up to 2.
    assert factor(labels, steps) == pytest.approx(expected, rel=6 * EPS)


def test_exponents_of_zero_leave_the_rates_as_they_are():
    assert factor(10_000, 7, batch_exponent=0.0, length_exponent=0.0) == 1.0


def first_step(meta_params, **run):
    """How far the first step of a run moves the diagonal of a kernel."""
    kernel = tf.Variable(tf.eye(4), name="dense/kernel")
    optimizer = Mnemosyne(meta_params=meta_params, weight_decay=None, **run)
    optimizer.apply_gradients([(tf.eye(4), kernel)])
    return float(1.0 - kernel[0, 0])


# `first_step` is the difference of a weight near 1: off by half an eps, in units of the shortest
# step here, 0.004, and by the ten roundings of the step itself. A ratio of two has twice that.
STEP_RATIO = 2 * (0.5 / 0.004 + 10) * EPS


def test_the_optimizer_moves_by_the_root_of_the_labels_where_the_exponent_is_a_half():
    params = MetaParams.nominal()
    params.values["rule/batch_exponent"] = np.float32(0.5)
    at = [first_step(params, total_steps=1, labels_per_step=n) for n in (160, 320, 10**6)]
    assert at[1] / at[0] == pytest.approx(2**0.5, rel=STEP_RATIO)
    assert at[2] / at[0] == pytest.approx(8**0.5, rel=STEP_RATIO)


def test_untrained_rates_fall_a_little_with_the_length_and_do_not_follow_the_labels():
    nominal = MetaParams.nominal()
    for labels in (None, 5, 10**6):
        at = [first_step(nominal, total_steps=t, labels_per_step=labels) for t in (30, 1)]
        assert at[0] == pytest.approx(at[1], rel=STEP_RATIO)  # 1/20 and less count as 1/8
    params = MetaParams.nominal()
    params.values["rule/length_exponent"] = np.float32(0.0)
    longer, plain = (first_step(each, total_steps=30) for each in (nominal, params))
    assert longer / plain == pytest.approx(8**0.08, rel=STEP_RATIO)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (160, 0.1),  # where the rule was found
        (640, 0.5),  # two doublings, 0.2 each
        (None, 0.1),
        (40, -0.3),  # the schedule begins to decay after its warm-up
        (160_000, 0.7),  # three doublings at most
    ],
)
def test_decay_begins_later_with_every_doubling_of_the_labels(labels, expected):
    start = start_of_decay(tf.constant(0.1), labels_per_step=labels, decay_delay=tf.constant(0.2))
    # A product and a sum of numbers up to 0.6.
    assert float(start) == pytest.approx(expected, abs=2 * EPS)


def test_the_optimizer_holds_its_rate_until_its_delayed_decay_begins():
    """20 steps of 640 labels: the peak to step 8, half of the decay at 14; of 160: less at 8."""
    params = MetaParams.nominal()
    params.values["rule/decay_delay"] = np.float32(0.2)
    moved = {}
    for labels in (160, 640):
        kernel = tf.Variable(tf.eye(4), name="bias")
        optimizer = Mnemosyne(
            meta_params=params, weight_decay=None, total_steps=20, labels_per_step=labels
        )
        moved[labels] = []
        for _ in range(20):
            before = float(kernel[0, 0])
            optimizer.apply_gradients([(tf.eye(4), kernel)])
            moved[labels].append(before - float(kernel[0, 0]))
    relative = {labels: np.array(steps) / steps[0] for labels, steps in moved.items()}
    # Differences of a weight near 1, over a first step of 0.004 * 8^0.08, half of the RMS of its
    # direction: each is off by an eps of 1 and some roundings of itself.
    atol = 2 * EPS / (0.004 * 8**0.08 * 0.5) + 10 * EPS
    expected = np.sqrt([1, 1, 0.5, 1 / 12])
    np.testing.assert_allclose(relative[640][[7, 8, 14, 19]], expected, atol=atol)
    np.testing.assert_allclose(relative[160][[8]], np.sqrt([12 / 19]), atol=atol)


def test_rule_of_a_run_does_there_what_followed_it():
    values = dict(MetaParams.nominal().values)
    follows = {"rule/batch_exponent": 0.5, "rule/length_exponent": -0.25, "rule/decay_delay": 0.2}
    values |= {name: np.float32(value) for name, value in follows.items()}
    found = rule_of_run(values, labels_per_step=640, total_steps=1_200)
    rates = {"rule/matrix_rate": 0.024 * 0.5**0.25, "rule/elementwise_rate": 0.008 * 0.5**0.25}
    of_run = {**rates, **dict.fromkeys(follows, 0.0), "rule/decay_start": 0.4}
    for name, value in values.items():
        expected = of_run.get(name, value)
        # As `run_scale`, and one product more.
        np.testing.assert_allclose(found[name], expected, rtol=8 * EPS, err_msg=name)


@pytest.mark.parametrize("iteration", [0.0, 20.0, 399.0])
def test_length_that_is_a_tensor_is_that_of_a_number(iteration):
    """Runs of one program may differ in it; the ratio to 600 is held to [1/8, 8] in both."""
    plan = plan_variable(name="w", shape=(9, 8), chunk_size=64, decayed=True, orthogonalise=True)
    values = MetaParams.nominal().values
    for steps in (400, 40, 9000):
        sizes = [
            step_size(values, plan, RuleSettings(total_steps=given, labels_per_step=320), iteration)
            for given in (steps, tf.constant(float(steps)))
        ]
        # A power and some products, in NumPy there and in TensorFlow here.
        np.testing.assert_allclose(*sizes, rtol=32 * np.finfo(np.float32).eps)
