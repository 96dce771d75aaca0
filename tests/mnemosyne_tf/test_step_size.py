"""The step size by hand: schedule and size of the model, and what the optimizer says of it."""

import numpy as np
import pytest
import tensorflow as tf

from mnemosyne_tf import Mnemosyne
from mnemosyne_tf.rule_settings import RuleSettings
from mnemosyne_tf.step_size import progress, rate_multiplier, scale_rates, step_size
from mnemosyne_tf.variable_plan import plan_variable

EPS = float(np.finfo(np.float32).eps)


def multiplier(iteration, total_steps, decay_start=0.0, decay_power=1.0):
    return float(
        rate_multiplier(
            tf.constant(float(iteration)),
            total_steps=total_steps,
            warmup_fraction=tf.constant(0.1),
            decay_start=tf.constant(decay_start),
            decay_power=tf.constant(decay_power),
            warmup_steps=tf.constant(100.0),
        )
    )


@pytest.mark.parametrize(
    ("iteration", "expected"),
    [(0, 0.1), (4, 0.5), (9, 1.0), (10, 1.0), (55, 0.5), (99, 1 / 90), (100, 0.0), (250, 0.0)],
)
def test_known_run_of_100_steps(iteration, expected):
    # Values up to 1 after four roundings: product, difference, difference, quotient.
    assert multiplier(iteration, 100) == pytest.approx(expected, abs=4 * EPS)


@pytest.mark.parametrize(
    ("iteration", "expected"), [(4, 0.5), (9, 1.0), (60, 1.0), (80, 0.5), (99, 1 / 40), (100, 0.0)]
)
def test_known_run_whose_decay_begins_at_60_of_100_steps(iteration, expected):
    assert multiplier(iteration, 100, decay_start=0.6) == pytest.approx(expected, abs=4 * EPS)


@pytest.mark.parametrize(
    ("iteration", "expected"),
    [(4, 0.5), (10, 1.0), (55, 0.5**0.5), (90, 1 / 3), (99, 90**-0.5), (100, 0.0), (250, 0.0)],
)
def test_decay_by_the_root_of_what_is_left_stays_high_for_longer(iteration, expected):
    # The power has one rounding, of a logarithm below 5, times it.
    assert multiplier(iteration, 100, decay_power=0.5) == pytest.approx(expected, abs=8 * EPS)


@pytest.mark.parametrize(("iteration", "expected"), [(0, 0.01), (49, 0.5), (99, 1.0), (10**6, 1.0)])
def test_unknown_run_warms_up_and_stays(iteration, expected):
    assert multiplier(iteration, None) == pytest.approx(expected, abs=4 * EPS)


@pytest.mark.parametrize("total_steps", [1, 2, 5])
def test_shortest_runs_take_a_full_first_step(total_steps):
    assert multiplier(0, total_steps) == 1.0


def test_progress_is_a_fraction_of_a_known_run():
    known, fraction = progress(tf.constant(30.0), total_steps=120)
    assert (float(known), float(fraction)) == (1.0, 0.25)


def test_progress_of_an_unknown_run_is_marked_unknown():
    known, fraction = progress(tf.constant(30.0), total_steps=None)
    assert (float(known), float(fraction)) == (0.0, 0.0)


def scales(*variables):
    plans = [
        plan_variable(name=name, shape=shape, chunk_size=1024, decayed=True, orthogonalise=True)
        for name, shape in variables
    ]
    return [plan.rate_scale for plan in scale_rates([name for name, _ in variables], plans)]


@pytest.mark.parametrize(
    ("name", "shape", "expected"),
    [
        ("word_embeddings/embeddings", (30_522, 768), 64 / 768),
        ("word_embeddings/embeddings", (2_048, 64), 1.0),
        ("word_embeddings/embeddings", (2_048, 32), 1.0),  # nothing is raised
        ("position_embeddings/embeddings", (512, 768), 64 / 768),
        ("next_sentence/kernel", (768, 2), 64 / 768),
        ("layer_norm/gamma", (768,), 1.0),
        ("temperature", (), 1.0),
        ("query/kernel", (768, 768), 1.0),
    ],
)
def test_tables_and_readouts_move_as_one_over_their_width(name, shape, expected):
    assert scales((name, shape)) == [expected]


def test_matrices_share_the_steps_of_thirteen():
    matrix, bias = ("dense/kernel", (16, 16)), ("dense/bias", (16,))
    assert scales(*[matrix] * 13) == [1.0] * 13
    assert scales(*[matrix, bias] * 26) == [0.5, 1.0] * 26


@pytest.mark.parametrize("size_scaling", [True, False])
def test_first_step_of_the_optimizer_is_scaled(size_scaling):
    table = tf.Variable(tf.zeros([256, 128]), name="word_embeddings")
    bias = tf.Variable(tf.zeros([128]), name="bias")
    optimizer = Mnemosyne(size_scaling=size_scaling)
    optimizer.apply_gradients([(tf.ones_like(each), each) for each in (table, bias)])
    step = -0.004 / 100  # the first of a hundred of warm-up
    # A direction of ones whose RMS is a sum of 256 * 128 ones, which err by the root of their
    # number (Higham and Mary 2019), and ten roundings of rate and moments.
    rtol = (10 + (256 * 128) ** 0.5) * EPS
    np.testing.assert_allclose(bias, np.full(128, step), rtol=rtol)
    expected = step / 2 if size_scaling else step
    np.testing.assert_allclose(table, np.full([256, 128], expected), rtol=rtol)
    assert optimizer.get_config()["size_scaling"] is size_scaling


def test_rate_of_a_kernel_at_step_500():
    """26 matrices halve it; a run of 1,200 steps (2^-0.08) has done 500 of 1,200 - 36 of decay."""
    shapes = {f"dense_{i}/kernel": (16, 16) for i in range(26)}
    variables = [tf.Variable(tf.zeros(shape), name=name) for name, shape in shapes.items()]
    optimizer = Mnemosyne(0.5, total_steps=1_200, meta_params="nominal")
    optimizer.build(variables)
    expected = 0.012 * 0.5 * 0.5 * 2**-0.08 * (700 / 1_164) ** 0.5
    plan, settings = optimizer._model.plans[0], RuleSettings(total_steps=1_200)
    rate = step_size(optimizer.meta_params.values, plan, settings, 500, 0.5)
    # Some ten float32 operations, each off by half an eps at most.
    assert float(rate) == pytest.approx(expected, rel=10 * EPS)
    assert optimizer.step_sizes(500) == [float(rate)] * 26
    lines = []
    optimizer.summary(print_fn=lines.append, step=500)
    assert "step size at 500" in lines[0] and f"{float(rate):.3g}" in lines[1]


def test_step_sizes_are_the_same_under_a_strategy(two_replicas):
    with two_replicas.scope():
        optimizer = Mnemosyne(learning_rate=0.5, meta_params="nominal")
        optimizer.build([tf.Variable(tf.zeros([8, 8]), name="w/kernel")])
    alone = Mnemosyne(learning_rate=0.5, meta_params="nominal")
    alone.build([tf.Variable(tf.zeros([8, 8]), name="w/kernel")])
    assert optimizer.step_sizes(500) == alone.step_sizes(500)
