import types

import numpy as np
import pytest
import tensorflow as tf

from models import losses
from pipeline.recipes.train_section import TrainConfig
from pipeline.run.loss_guard import LossGuard, LossSpikes, refuse_if_not_finite
from pipeline.run.precision import LossScale

NAN = np.full(len(losses.METRIC_SUMS), np.nan)


def of_loss(loss, weight=10.0):
    """Metric sums of records without pairs."""
    named = {"masked_lm_loss": loss * weight, "masked_lm_weight": weight}
    return np.array([named.get(name, 0.0) for name in losses.METRIC_SUMS])


class Optimizer:
    """Counts what it skipped in a `skipped_steps`, as a variable does."""

    def __init__(self, skipped=0):
        self.total = skipped
        self.skipped_steps = types.SimpleNamespace(numpy=lambda: self.total)


@pytest.fixture
def guarded():
    optimizer = Optimizer()
    return LossGuard(TrainConfig(max_skipped_steps=3), optimizer), optimizer


def test_finite_sums_pass(guarded):
    guard, _ = guarded
    assert np.array_equal(guard.usable(of_loss(2.0), done=0, stop=4), of_loss(2.0))
    assert not guard.go_slow


def test_sums_of_a_skipped_step_are_left_out_and_the_next_steps_made_one_by_one(guarded, capsys):
    guard, optimizer = guarded
    optimizer.total = 1
    assert not guard.usable(NAN, done=4, stop=8).any()
    assert guard.go_slow
    assert "skipped 1 of steps 5 to 8" in capsys.readouterr().err
    guard.usable(of_loss(2.0), done=8, stop=9)
    assert not guard.go_slow


def test_a_skipped_step_of_a_finite_loss_counts_too(guarded):
    guard, optimizer = guarded
    optimizer.total = 1  # its gradient overflowed
    assert np.array_equal(guard.usable(of_loss(2.0), done=0, stop=1), of_loss(2.0))
    assert guard.go_slow


def test_too_many_in_a_row_end_the_run_and_are_named(guarded):
    guard, optimizer = guarded
    for stop in (4, 5):
        optimizer.total += 1
        guard.usable(NAN, done=stop - 1, stop=stop)
    resumed = LossGuard(TrainConfig(max_skipped_steps=3), optimizer)
    resumed.set_state(guard.state())
    optimizer.total += 1
    with pytest.raises(FloatingPointError, match="steps 4 to 6 were skipped.*max_skipped_steps is"):
        resumed.usable(NAN, done=5, stop=6)


def test_an_applied_step_begins_the_count_anew(guarded):
    guard, optimizer = guarded
    for stop in range(1, 9):
        skipped = stop % 3 > 0
        optimizer.total += skipped
        guard.usable(NAN if skipped else of_loss(1.0), done=stop - 1, stop=stop)


def test_overflows_end_the_run_only_where_the_loss_scale_of_float16_can_fall_no_further(capsys):
    optimizer = Optimizer()
    optimizer.loss_scale = LossScale(initial=2.0**5)
    guard = LossGuard(TrainConfig(max_skipped_steps=3), optimizer)
    for stop in range(1, 8):  # five steps lower it to 1, two are at 1
        optimizer.total += 1
        optimizer.loss_scale.update(tf.constant(False))
        guard.usable(NAN, done=stop - 1, stop=stop)
    assert capsys.readouterr().err.count("the loss scale is lower now") == 5
    optimizer.total += 1
    with pytest.raises(FloatingPointError, match="steps 6 to 8 were skipped"):
        guard.usable(NAN, done=7, stop=8)


def test_a_loss_that_is_not_finite_though_nothing_was_skipped_ends_the_run(guarded):
    guard, _ = guarded
    with pytest.raises(FloatingPointError, match="not finite in steps 3 to 5.*learning_rate"):
        guard.usable(NAN, done=2, stop=5)


def test_steps_that_were_skipped_before_a_start_are_not_skipped_again():
    guard = LossGuard(TrainConfig(), Optimizer(skipped=7))
    guard.set_state({})
    guard.usable(of_loss(1.0), done=10, stop=11)
    assert not guard.go_slow


def test_a_held_out_loss_that_is_not_finite_is_no_result():
    refuse_if_not_finite({"loss": 1.0, "masked_lm_accuracy": 0.5}, 9)
    with pytest.raises(FloatingPointError, match="held-out loss is not finite at step 9"):
        refuse_if_not_finite({"loss": float("nan")}, 9)


def test_a_window_above_factor_times_the_one_before_is_a_spike():
    spikes = LossSpikes(1.5, window_steps=4)
    for step, loss in ((2, 1.0), (4, 3.0), (6, 3.0), (8, 3.0)):  # means 2 and 3: not above 1.5 x
        assert spikes.seen(of_loss(loss), step) is None
    assert spikes.seen(of_loss(5.0), 12).loss == 5.0


def test_what_was_seen_of_a_window_is_remembered():
    spikes = LossSpikes(1.5, window_steps=4)
    spikes.seen(of_loss(2.0), 4)
    spikes.seen(of_loss(8.0), 6)
    resumed = LossSpikes(1.5, window_steps=4)
    resumed.set_state(spikes.state())
    spike = resumed.seen(of_loss(1.0), 8)
    assert (spike.first_step, spike.last_step) == (4, 8)
    assert (spike.loss_before, spike.loss) == (2.0, 4.5)


def test_factor_0_looks_for_no_spikes():
    spikes = LossSpikes(0.0, window_steps=1)
    assert not any(spikes.seen(of_loss(loss), loss) for loss in (1, 100, 10_000))


def test_a_spike_on_every_set_of_batches_ends_the_run():
    spikes = LossSpikes(2.0, window_steps=1)
    spikes.seen(of_loss(1.0), 1)
    before = spikes.state()
    for _ in range(5):
        assert spikes.seen(of_loss(9.0), 2)
        spikes.set_state(before)
    with pytest.raises(FloatingPointError, match="steps 2 to 2 rose from 1.000 to 9.000, for the"):
        spikes.seen(of_loss(9.0), 2)
