"""Sets of parameters: exact round trips, and errors that name the entry."""

import dataclasses
import json

import numpy as np
import pytest

from mnemosyne_tf import MetaParams, Structure
from mnemosyne_tf.nominal_rule import NEUTRAL_ENTRIES


@pytest.mark.parametrize("level", ["chunk", "model"])
def test_file_round_trip_is_exact(tmp_path, level):
    meta_params = MetaParams.nominal(Structure(level=level, num_memory_heads=2, width=4))
    meta_params.save(tmp_path / "weights.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["weights.npz"]
    assert_same(MetaParams.load(tmp_path / "weights.npz"), meta_params)


def test_config_round_trip_is_exact():
    meta_params = MetaParams.nominal(Structure(width=4, seed=5))
    assert_same(MetaParams.from_config(meta_params.to_config()), meta_params)


def test_setting_that_a_file_lacks_has_its_default(tmp_path):
    meta_params = MetaParams.nominal(Structure(width=4))
    header = {"format_version": 1, "chunk_size": 1024, "width": 4, "num_random_features": 16,
              "level_1": "mean", "hidden_units": 4, "use_memory": True,
              "network_on_matrices": False, "seed": 0}  # fmt: skip
    np.savez(tmp_path / "old.npz", structure=np.array(json.dumps(header)), **meta_params.values)
    old = MetaParams.load(tmp_path / "old.npz")
    assert_same(old, meta_params)
    assert old.fingerprint() == meta_params.fingerprint()


def test_set_from_before_there_were_entries_by_role_has_those_that_change_nothing(tmp_path):
    now = MetaParams.nominal(Structure(width=4)).without("roles")
    config = now.to_config()
    added = [name for name in config["values"] if name.startswith("rule/role_")]
    assert len(added) == 10 + 10  # rates and horizons
    for name in [*added, "rule/position_growth"]:
        del config["values"][name]
    before = MetaParams.from_config(config)
    assert_same(before, now)
    before.save(tmp_path / "weights.npz")
    assert MetaParams.load(tmp_path / "weights.npz").fingerprint() == now.fingerprint()


def test_fingerprint_tells_rates_by_role_apart():
    nominal = MetaParams.nominal(Structure(width=4))
    sets = [nominal, *(nominal.with_role_rates({role: 2.0}) for role in ("norm", "bias"))]
    assert len({each.fingerprint() for each in sets}) == 3
    assert nominal.with_role_rates({"norm": 1.0}).fingerprint() == nominal.fingerprint()


def test_fingerprint_tells_values_and_settings_apart():
    sets = [MetaParams.nominal(Structure(width=4, chunk_size=size)) for size in (64, 64, 128)]
    changed = {**sets[0].values, "step_head/bias": np.float32(1e-7)}
    first, same, other, moved = [
        each.fingerprint() for each in (*sets, MetaParams(sets[0].structure, changed))
    ]
    assert first == same and len({first, other, moved}) == 3 and len(first) == 64


def test_fingerprint_of_a_set_never_changes():
    values = {name: np.ones(shape) for name, shape in Structure(width=4).shapes().items()}
    values["rule/momentum_decay"] = values["rule/second_moment_decay"] = 0.5
    values["rule/warmup_fraction"] = values["rule/decay_start"] = 0.5
    # Of numbers that float32 holds exactly, so the digest is the same on every machine.
    neutral = dict.fromkeys([*NEUTRAL_ENTRIES, "rule/position_growth"], 0.0)
    found = MetaParams(Structure(width=4), values | neutral).fingerprint()
    assert found.startswith("b9369539bfe072c8")


def test_fingerprint_leaves_out_entries_that_change_nothing():
    nominal = MetaParams.nominal()
    neutral = MetaParams(nominal.structure, {**nominal.values, **NEUTRAL_ENTRIES})
    assert neutral.fingerprint() != nominal.fingerprint()
    assert neutral.fingerprint() == nominal.without("run_scaling").fingerprint()


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
