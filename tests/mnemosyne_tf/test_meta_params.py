"""Untrained values, and what may be left out of a set or put into it."""

import dataclasses

import numpy as np
import pytest

from mnemosyne_tf import MetaParams, Structure
from mnemosyne_tf.parameter_roles import HORIZON_ENTRIES, RATE_ENTRIES

STRUCTURES = [
    Structure(),
    Structure(chunk_size=1, width=4, level_1="performer", hidden_units=3),
    Structure(use_memory=False, network_on_matrices=True),
    Structure(num_memory_heads=2, width=4),
    Structure(chunk_size=1, level_1="none", width=4),
    Structure(chunk_size=1, level_1="none", level_2="none", width=4),
    Structure(level="model", width=4),
    Structure(level="model", use_memory=False, level_2="none"),
]


@pytest.mark.parametrize("structure", STRUCTURES)
def test_untrained_values_fit_every_structure(structure):
    values = MetaParams.nominal(structure).values
    assert {name: value.shape for name, value in values.items()} == structure.shapes()


def test_nominal_values_are_the_published_rule():
    values = MetaParams.nominal().values
    assert {name: round(float(values[name]), 6) for name in values if name.startswith("rule/")} == {
        "rule/matrix_rate": 0.012,
        "rule/elementwise_rate": 0.004,
        "rule/momentum_decay": 0.9,
        "rule/second_moment_decay": 0.95,
        "rule/warmup_fraction": 0.03,
        "rule/decay_start": 0.0,
        "rule/warmup_steps": 100.0,
        "rule/batch_exponent": 0.0,
        "rule/length_exponent": -0.08,
        "rule/decay_delay": 0.0,
        "rule/decay_power": 0.5,
        **dict.fromkeys((*RATE_ENTRIES.values(), *HORIZON_ENTRIES.values()), 1.0),
        "rule/position_growth": 1.0,
        "rule/role_horizon/position_table": 10.0,
        "rule/role_rate/feed_forward_in": 0.5,
        "rule/role_rate/feed_forward_out": 0.5,
    }


def test_nominal_heads_are_zero():
    values = MetaParams.nominal().values
    for name in ("step_head/kernel", "step_head/bias", "film_head/kernel", "network/output"):
        assert not values[name].any()
    assert values["level_2/query"].any()


def test_nominal_values_depend_on_the_seed_only():
    first, again, other = (MetaParams.nominal(Structure(seed=seed)).values for seed in (3, 3, 4))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["memory/key"], other["memory/key"])


def test_every_head_has_a_discount_and_a_share_of_the_answer():
    values = MetaParams.nominal(Structure(num_memory_heads=3, width=4)).values
    # A logarithm of up to 6.2 is off by half an eps of itself, its exponential by that in full.
    eps = np.finfo(np.float32).eps
    np.testing.assert_allclose(np.exp(values["memory/log_tau"]), [0.2, 0.02, 0.002], rtol=8 * eps)
    np.testing.assert_allclose(values["memory/output"], np.tile(np.eye(4) / 3, [3, 1]), rtol=eps)
    one = MetaParams.nominal(Structure(width=4)).values
    assert one["memory/log_tau"].shape == () and "memory/output" not in one


def test_heads_leave_the_other_untrained_values_alone():
    one = MetaParams.nominal(Structure(width=4)).values
    three = MetaParams.nominal(Structure(num_memory_heads=3, width=4)).values
    for name in one.keys() - {"memory/log_tau"}:
        assert np.array_equal(one[name], three[name]), name


@pytest.mark.parametrize(
    ("part", "changes", "gone"),
    [
        ("memory", {"use_memory": False}, "memory/"),
        ("encoder", {"level_2": "none"}, "level_2/"),
        ("heads", {}, None),
        ("run_scaling", {}, None),
        ("decay_delay", {}, None),
    ],
)
def test_one_part_is_left_out(small_structure, live_meta_params, part, changes, gone):
    trained = live_meta_params(small_structure)
    ablated = trained.without(part)
    assert ablated.structure == dataclasses.replace(small_structure, **changes)
    left_out = {name for name in trained.values if gone and name.startswith(gone)}
    assert ablated.values.keys() == trained.values.keys() - left_out
    for name, value in ablated.values.items():
        zeros = {
            "heads": ("step_head", "film_head", "network/output"),
            "run_scaling": ("rule/batch_exponent", "rule/length_exponent", "rule/decay_delay"),
            "decay_delay": ("rule/decay_delay",),
        }
        is_zero = name.startswith(zeros.get(part, ("none",)))
        assert np.array_equal(value, 0.0 * value if is_zero else trained.values[name]), name


def test_part_that_is_none_is_refused():
    with pytest.raises(
        ValueError,
        match="heads, memory, encoder, run_scaling, decay_delay, .*, tokens, received 'cam'",
    ):
        MetaParams.nominal().without("cam")


def differences(params, others):
    return {
        name: float(value)
        for name, value in params.values.items()
        if not np.array_equal(value, others.values[name])
    }


def test_numbers_of_the_rule_are_given_by_name_and_a_decay_is_linear_without_its_power():
    nominal = MetaParams.nominal(Structure(width=4))
    given = nominal.with_rule({"decay_power": 2.0, "matrix_rate": 0.5})
    assert differences(given, nominal) == {"rule/decay_power": 2.0, "rule/matrix_rate": 0.5}
    assert differences(nominal.without("decay_power"), nominal) == {"rule/decay_power": 1.0}


def test_number_that_the_rule_has_not_is_refused_with_those_it_has():
    with pytest.raises(ValueError, match="among matrix_rate, .*decay_power.*, received power"):
        MetaParams.nominal().with_rule({"power": 2.0})
    with pytest.raises(
        ValueError, match=r"rule/decay_power in \[0.05, 4.0\] expected, received 9.0"
    ):
        MetaParams.nominal().with_rule({"decay_power": 9.0})


def test_rates_by_role_are_given_by_role_and_left_out_together():
    nominal = MetaParams.nominal(Structure(width=4))
    given = nominal.with_role_rates({"position table": 2.0, "query/key": 0.25})
    moved = {"rule/role_rate/position_table": 2.0, "rule/role_rate/query_key": 0.25}
    assert differences(given, nominal) == moved
    neutral = given.without("roles")
    assert {float(neutral.values[name]) for name in RATE_ENTRIES.values()} == {1.0}


def test_horizons_by_role_are_given_by_role_and_left_out_with_the_rates():
    nominal = MetaParams.nominal(Structure(width=4))
    given = nominal.with_role_horizons({"norm": 5.0})
    assert given.values["rule/role_horizon/norm"] == 5.0
    assert given.fingerprint() != nominal.fingerprint()
    neutral = given.without("roles")
    assert {float(neutral.values[name]) for name in HORIZON_ENTRIES.values()} == {1.0}


def test_horizon_shorter_than_the_built_in_one_is_refused():
    message = r"rule/role_horizon/norm in \[1.0, 64.0\] expected, received 0.5"
    with pytest.raises(ValueError, match=message):
        MetaParams.nominal().with_role_horizons({"norm": 0.5})
    with pytest.raises(ValueError, match="Expected horizons of roles among .* received 'kernel'"):
        MetaParams.nominal().with_role_horizons({"kernel": 2.0})


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        ({"kernel": 2.0}, "'word table'.*'bias', received 'kernel'"),
        ({"norm": 65.0}, r"rule/role_rate/norm in \[0.0, 64.0\] expected, received 65.0"),
    ],
)
def test_rate_of_a_role_that_has_none_and_rate_out_of_range_are_refused(rates, message):
    with pytest.raises(ValueError, match=message):
        MetaParams.nominal().with_role_rates(rates)
