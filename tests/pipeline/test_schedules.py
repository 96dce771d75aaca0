import numpy as np
import pytest

from pipeline.schedules import LinearWarmupDecay


@pytest.mark.parametrize(
    ("step", "rate"),
    [(0, 0.2), (4, 1.0), (5, 1.0), (60, 0.5), (115, 0.0), (500, 0.0)],
)
def test_rate_at_the_start_the_peak_midway_the_end_and_beyond(step, rate):
    schedule = LinearWarmupDecay(peak=1.0, num_train_steps=115, num_warmup_steps=5)
    np.testing.assert_allclose(schedule(step), rate, rtol=1e-6)


def test_no_warmup_begins_at_the_peak():
    schedule = LinearWarmupDecay(peak=2.0, num_train_steps=10, num_warmup_steps=0)
    np.testing.assert_allclose(schedule(0), 2.0)


def test_config_round_trip():
    schedule = LinearWarmupDecay(peak=2.0, num_train_steps=10, num_warmup_steps=3)
    assert LinearWarmupDecay.from_config(schedule.get_config()).get_config() == {
        "peak": 2.0,
        "num_train_steps": 10,
        "num_warmup_steps": 3,
    }
