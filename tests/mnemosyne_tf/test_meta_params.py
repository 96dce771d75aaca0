"""Meta-parameters: exact round trips, and errors that name the entry."""

import dataclasses

import numpy as np
import pytest

from mnemosyne_tf import MetaParams, Structure

STRUCTURES = [
    Structure(),
    Structure(chunk_size=1, width=4, level_1="performer", hidden_units=3),
    Structure(use_memory=False, network_on_matrices=True),
]


@pytest.mark.parametrize("structure", STRUCTURES)
def test_file_round_trip_is_exact(structure, tmp_path):
    meta_params = MetaParams.nominal(structure)
    meta_params.save(tmp_path / "weights.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["weights.npz"]
    assert_same(MetaParams.load(tmp_path / "weights.npz"), meta_params)


def test_config_round_trip_is_exact():
    meta_params = MetaParams.nominal(Structure(width=4, seed=5))
    assert_same(MetaParams.from_config(meta_params.to_config()), meta_params)


def test_nominal_values_are_the_published_rule():
    values = MetaParams.nominal().values
    assert {name: round(float(values[name]), 6) for name in values if name.startswith("rule/")} == {
        "rule/matrix_rate": 0.012,
        "rule/elementwise_rate": 0.008,
        "rule/momentum_decay": 0.9,
        "rule/second_moment_decay": 0.95,
        "rule/warmup_fraction": 0.1,
        "rule/warmup_steps": 100.0,
    }


def test_nominal_heads_are_zero():
    values = MetaParams.nominal().values
    for name in ("step_head/kernel", "step_head/bias", "film_head/kernel", "network/output"):
        assert not values[name].any()
    assert values["level_2/query"].any()


def test_nominal_values_depend_on_the_seed_only():
    assert_same(MetaParams.nominal(Structure(seed=3)), MetaParams.nominal(Structure(seed=3)))
    first, second = (MetaParams.nominal(Structure(seed=seed)).values for seed in (3, 4))
    assert not np.array_equal(first["memory/key"], second["memory/key"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda values: values.pop("memory/key"), "missing memory/key"),
        (lambda values: values.update(extra=np.zeros(2)), "extra extra"),
        (
            lambda values: values.update({"memory/key": np.zeros([2, 3])}),
            r"memory/key of shape \(16, 16\) expected, received \(2, 3\)",
        ),
        (
            lambda values: values.update({"step_head/bias": np.nan}),
            "step_head/bias holds non-finite values",
        ),
        (
            lambda values: values.update({"rule/momentum_decay": 1.5}),
            r"rule/momentum_decay in \[0.0, 0.9999\] expected, received 1.5",
        ),
    ],
)
def test_entry_that_does_not_fit_is_named(change, message):
    values = dict(MetaParams.nominal().values)
    change(values)
    with pytest.raises(ValueError, match=message):
        MetaParams(Structure(), values)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_random_features": 5}, "even num_random_features.*received 5"),
        ({"chunk_size": 0}, "chunk_size of at least 1, received 0"),
        ({"level_1": "median"}, "received 'median'"),
    ],
)
def test_structure_out_of_range_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Structure(**settings)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere.npz"):
        MetaParams.load(tmp_path / "nowhere.npz")


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 broken"])
def test_file_of_another_kind_is_refused_by_name(tmp_path, content):
    path = tmp_path / "weights.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"weights.npz to be a .npz written by MetaParams.save"):
        MetaParams.load(path)


def test_archive_without_a_structure_is_refused(tmp_path):
    np.savez(tmp_path / "weights.npz", other=np.zeros(3))
    with pytest.raises(ValueError, match="could not read it"):
        MetaParams.load(tmp_path / "weights.npz")


def test_other_format_version_is_refused():
    config = MetaParams.nominal().to_config()
    config["structure"]["format_version"] = 99
    with pytest.raises(ValueError, match="format_version 1, received 99"):
        MetaParams.from_config(config)


def test_unknown_structure_key_is_named():
    config = MetaParams.nominal().to_config()
    config["structure"]["depth"] = 3
    with pytest.raises(ValueError, match=r"received also \['depth'\]"):
        MetaParams.from_config(config)


def assert_same(left, right):
    assert left.structure == right.structure
    assert dataclasses.asdict(left.structure) == dataclasses.asdict(right.structure)
    assert left.values.keys() == right.values.keys()
    for name, value in left.values.items():
        assert value.dtype == np.float32
        assert np.array_equal(value, right.values[name]), name
