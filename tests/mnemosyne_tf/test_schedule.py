"""Values of the schedule at its corners."""

import pytest
import tensorflow as tf

from mnemosyne_tf.schedule import progress, rate_multiplier


def multiplier(iteration, total_steps, decay_start=0.0):
    return float(
        rate_multiplier(
            tf.constant(float(iteration)),
            total_steps=total_steps,
            warmup_fraction=tf.constant(0.1),
            decay_start=tf.constant(decay_start),
            warmup_steps=tf.constant(100.0),
        )
    )


@pytest.mark.parametrize(
    ("iteration", "expected"),
    [(0, 0.1), (4, 0.5), (9, 1.0), (10, 1.0), (55, 0.5), (99, 1 / 90), (100, 0.0), (250, 0.0)],
)
def test_known_run_of_100_steps(iteration, expected):
    assert multiplier(iteration, 100) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("iteration", "expected"), [(4, 0.5), (9, 1.0), (60, 1.0), (80, 0.5), (99, 1 / 40), (100, 0.0)]
)
def test_known_run_whose_decay_begins_at_60_of_100_steps(iteration, expected):
    assert multiplier(iteration, 100, decay_start=0.6) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("iteration", "expected"), [(0, 0.01), (49, 0.5), (99, 1.0), (10**6, 1.0)])
def test_unknown_run_warms_up_and_stays(iteration, expected):
    assert multiplier(iteration, None) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("total_steps", [1, 2, 5])
def test_shortest_runs_take_a_full_first_step(total_steps):
    assert multiplier(0, total_steps) == 1.0


def test_progress_is_a_fraction_of_a_known_run():
    known, fraction = progress(tf.constant(30.0), total_steps=120)
    assert (float(known), float(fraction)) == (1.0, 0.25)


def test_progress_of_an_unknown_run_is_marked_unknown():
    known, fraction = progress(tf.constant(30.0), total_steps=None)
    assert (float(known), float(fraction)) == (0.0, 0.0)
