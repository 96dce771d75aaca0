"""Values of the factor by hand."""

import numpy as np
import pytest
import tensorflow as tf

from mnemosyne_tf import MetaParams, Mnemosyne
from mnemosyne_tf.run_scaling import rule_of_run, run_scale, start_of_decay


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
        (640, None, 2.0),  # who is told one thing follows that
        (None, 1_200, 0.5**0.25),
        (None, None, 1.0),
        (160_000, 10**6, 8**0.5 * 8**-0.25),  # nobody measured more than eight times
        (1, 1, 8**-0.5 * 8**0.25),
    ],
)
def test_factor(labels, steps, expected):
    assert factor(labels, steps) == pytest.approx(expected, rel=1e-6)


def test_exponents_of_zero_leave_the_rates_as_they_are():
    assert factor(10_000, 7, batch_exponent=0.0, length_exponent=0.0) == 1.0


def first_step(meta_params, **told):
    """How far the first step of a run moves the diagonal of a kernel."""
    kernel = tf.Variable(tf.eye(4), name="dense/kernel")
    optimizer = Mnemosyne(meta_params=meta_params, weight_decay=None, **told)
    optimizer.apply_gradients([(tf.eye(4), kernel)])
    return float(1.0 - kernel[0, 0])


def test_the_optimizer_moves_by_the_root_of_the_labels_where_the_exponent_is_a_half():
    params = MetaParams.nominal()
    params.values["rule/batch_exponent"] = np.float32(0.5)
    at = [first_step(params, total_steps=1, labels_per_step=n) for n in (160, 320, 10**6)]
    assert at[1] / at[0] == pytest.approx(2**0.5, rel=1e-4)
    assert at[2] / at[0] == pytest.approx(8**0.5, rel=1e-4)


def test_untrained_rates_fall_a_little_with_the_length_and_do_not_follow_the_labels():
    nominal = MetaParams.nominal()
    for labels in (None, 5, 10**6):
        at = [first_step(nominal, total_steps=t, labels_per_step=labels) for t in (30, 1)]
        assert at[0] == pytest.approx(at[1], rel=1e-4)  # 1/20 and less count as 1/8
    params = MetaParams.nominal()
    params.values["rule/length_exponent"] = np.float32(0.0)
    longer, plain = (first_step(each, total_steps=30) for each in (nominal, params))
    assert longer / plain == pytest.approx(8**0.08, rel=1e-4)


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
    assert float(start) == pytest.approx(expected, rel=1e-6)


def test_the_optimizer_holds_its_rate_until_its_delayed_decay_begins():
    """20 steps of 640 labels: the peak to step 8, half of it at 14; with 160 labels less at 8."""
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
    np.testing.assert_allclose(relative[640][[7, 8, 14, 19]], [1, 1, 0.5, 1 / 12], rtol=1e-3)
    np.testing.assert_allclose(relative[160][[8]], [12 / 19], rtol=1e-3)


def test_rule_of_a_run_does_there_what_followed_it():
    values = dict(MetaParams.nominal().values)
    follows = {"rule/batch_exponent": 0.5, "rule/length_exponent": -0.25, "rule/decay_delay": 0.2}
    values |= {name: np.float32(value) for name, value in follows.items()}
    found = rule_of_run(values, labels_per_step=640, total_steps=1_200)
    rates = {"rule/matrix_rate": 0.024 * 0.5**0.25, "rule/elementwise_rate": 0.016 * 0.5**0.25}
    of_run = {**rates, **dict.fromkeys(follows, 0.0), "rule/decay_start": 0.4}
    for name, value in values.items():
        expected = of_run.get(name, value)
        np.testing.assert_allclose(found[name], expected, rtol=1e-6, err_msg=name)
