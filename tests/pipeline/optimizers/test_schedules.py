import numpy as np
import pytest
import tf_keras as keras
from numeric_bounds import rounding

from pipeline.optimizers.schedules import LinearDecay, LinearWarmup, LinearWarmupDecay

# A sum, a quotient and a product in float32.
RTOL = rounding(3)


@pytest.mark.parametrize(
    ("step", "rate"),
    [(0, 0.2), (4, 1.0), (5, 1.0), (60, 0.5), (115, 0.0), (500, 0.0)],
)
def test_rate_at_the_start_the_peak_midway_the_end_and_beyond(step, rate):
    schedule = LinearWarmupDecay(peak=1.0, num_train_steps=115, num_warmup_steps=5)
    np.testing.assert_allclose(schedule(step), rate, rtol=RTOL)


@pytest.mark.parametrize(("step", "rate"), [(4, 1.0), (60, 1.0), (80, 0.5), (100, 0.0), (500, 0.0)])
def test_rate_stays_at_its_peak_until_the_decay_begins(step, rate):
    schedule = LinearWarmupDecay(
        peak=1.0, num_train_steps=100, num_warmup_steps=5, num_steps_before_decay=60
    )
    np.testing.assert_allclose(schedule(step), rate, rtol=RTOL)


@pytest.mark.parametrize(("step", "rate"), [(5, 1.0), (60, 0.5**0.5), (115, 0.0), (500, 0.0)])
def test_decay_by_the_root_of_what_is_left(step, rate):
    schedule = LinearWarmupDecay(peak=1.0, num_train_steps=115, num_warmup_steps=5, decay_power=0.5)
    np.testing.assert_allclose(schedule(step), rate, rtol=rounding(5))


def test_no_warmup_begins_at_the_peak():
    schedule = LinearWarmupDecay(peak=2.0, num_train_steps=10, num_warmup_steps=0)
    np.testing.assert_allclose(schedule(0), 2.0, rtol=RTOL)


@pytest.mark.parametrize(("step", "rate"), [(0, 0.5), (3, 2.0), (4, 2.0), (10_000, 2.0)])
def test_rate_stays_after_a_warmup_alone(step, rate):
    schedule = LinearWarmup(peak=2.0, num_warmup_steps=4)
    np.testing.assert_allclose(schedule(step), rate, rtol=RTOL)


@pytest.mark.parametrize(
    ("step", "rate"), [(0, 2.0), (1_000, 2.0), (1_005, 1.5), (1_020, 0.0), (2_000, 0.0)]
)
def test_the_decay_phase_falls_from_its_first_step_on(step, rate):
    schedule = LinearDecay(peak=2.0, first_step=1_000, num_steps=20)
    np.testing.assert_allclose(schedule(step), rate, rtol=RTOL)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (
            LinearWarmupDecay,
            {
                "peak": 2.0,
                "num_train_steps": 10,
                "num_warmup_steps": 3,
                "num_steps_before_decay": 6,
                "decay_power": 0.5,
            },
        ),
        (LinearWarmup, {"peak": 2.0, "num_warmup_steps": 3}),
        (LinearDecay, {"peak": 2.0, "first_step": 7, "num_steps": 3}),
    ],
)
def test_keras_makes_it_again_from_its_config(kind, settings):
    config = keras.optimizers.schedules.serialize(kind(**settings))
    twin = keras.optimizers.schedules.deserialize(config)
    assert type(twin) is kind and twin.get_config() == settings
