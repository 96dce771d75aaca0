import numpy as np
import pytest
from numeric_bounds import rounding

from mnemosyne_tf.meta_params import MetaParams
from pipeline.lab.meta_training.evolution.search_space import SearchSpace
from pipeline.lab.meta_training.settings import LEARNED

# Coordinates are float64; the nominal value and the result are float32, and a decay d is sought by
# way of 1 - d, a tenth of it or less: 20 times the rounding of the nominal value, and the last one.
RTOL = rounding(20 + 1)
EVERYTHING = [entry for entries in LEARNED.values() for entry in entries]


def test_zero_is_the_nominal_set():
    nominal = MetaParams.nominal()
    space = SearchSpace(nominal, EVERYTHING)
    assert space.num_coords == 2 + 2 + 3 + 2 + 1 + 1 + 1 + 10 + 10 + 17 + 1
    found = space.meta_params(np.zeros(space.num_coords))
    assert found.values.keys() == nominal.values.keys()
    for name, value in nominal.values.items():
        np.testing.assert_allclose(found.values[name], value, rtol=RTOL, err_msg=name)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("rule/matrix_rate", 0.012 * np.e),
        ("rule/momentum_decay", 1 - 0.1 / np.e),
        ("rule/second_moment_decay", 1 - 0.05 / np.e),
        ("rule/warmup_fraction", 3 * np.e / 97 / (1 + 3 * np.e / 97)),  # odds of 3 to 97, times e
        ("rule/decay_start", 0.5),
        ("rule/warmup_steps", 100 * np.e),
        ("rule/batch_exponent", 1.0),
        ("rule/length_exponent", 0.92),
        ("rule/decay_delay", 0.5),
        ("rule/decay_power", 0.5 * np.e),
        ("rule/position_growth", np.e),
        ("rule/role_rate/feed_forward_in", 0.5 * np.e),
        ("rule/role_horizon/position_table", 10 * np.e),
        ("memory/log_tau", np.log(0.02) + 1),
        ("step_head/bias", 0.1),
    ],
)
def test_a_step_of_one_is_a_large_change(entry, expected):
    value = SearchSpace(MetaParams.nominal(), [entry]).values(np.ones([1, 1]))[entry]
    np.testing.assert_allclose(value, [expected], rtol=RTOL)


def test_points_far_away_keep_the_bounds():
    space = SearchSpace(MetaParams.nominal(), LEARNED["rates"] + LEARNED["decays"])
    for sign in (-1.0, 1.0):
        values = space.meta_params(np.full(4, 50.0 * sign)).values
        rate, decay = (1.0, 0.9999) if sign > 0 else (0.0, 0.0)
        # A rate is not bounded from below: e^-50 of the nominal one.
        found = values["rule/matrix_rate"]
        assert found == pytest.approx(rate, rel=RTOL, abs=np.exp(-50.0))
        assert values["rule/momentum_decay"] == pytest.approx(decay, rel=RTOL, abs=0)


def test_inside_is_the_nearest_point_that_keeps_the_bounds():
    space = SearchSpace(
        MetaParams.nominal(), ["rule/decay_start", "rule/momentum_decay", "rule/matrix_rate"]
    )
    # A decay begins between 0 and 0.95, a momentum of 0.9 may lose all of its memory (a tenth).
    for point, nearest in (
        ([-0.7, -9.0, -9.0], [0.0, np.log(0.1), -9.0]),
        ([2.5, 1.0, 0.5], [1.9, 1.0, 0.5]),
    ):
        np.testing.assert_allclose(space.inside(np.array(point)), nearest, rtol=RTOL)


def test_members_have_an_axis_and_rules_that_stay_put_are_there():
    space = SearchSpace(MetaParams.nominal(), ["step_head/kernel"])
    values = space.values(np.zeros([3, 16]))
    assert values["step_head/kernel"].shape == (3, 16)
    np.testing.assert_allclose(values["rule/momentum_decay"], [0.9] * 3, rtol=RTOL)
    assert "network/output" not in values
