"""Structures and untrained values of the LSTM optimizers."""

import numpy as np
import pytest

from mnemosyne_tf import LSTMParams, LSTMStructure, MetaParams


@pytest.mark.parametrize("inputs", ["log_sign", "moments"])
def test_untrained_values_fit_their_structure_and_survive_a_file(inputs, tmp_path):
    structure = LSTMStructure(inputs=inputs, units=3, seed=5)
    params = LSTMParams.untrained(structure)
    assert {name: value.shape for name, value in params.values.items()} == structure.shapes()
    params.save(tmp_path / "lstm.npz")
    loaded = LSTMParams.load(tmp_path / "lstm.npz")
    assert loaded.structure == structure and loaded.fingerprint() == params.fingerprint()


def test_sizes_are_those_of_the_papers():
    shapes = LSTMStructure().shapes()
    assert shapes["layer_1/kernel"] == (22, 80) and shapes["layer_2/kernel"] == (40, 80)
    assert LSTMStructure(inputs="moments").shapes()["layer_1/kernel"] == (40, 80)
    assert np.prod(LSTMStructure().state_shape) == 80
    values = LSTMParams.untrained(LSTMStructure(inputs="moments")).values
    assert values["rule/output_scale"] == np.float32(0.1)
    assert values["rule/momentum_decay"] == values["rule/second_moment_decay"] == np.float32(0.95)


def test_forget_gates_start_open_and_other_biases_at_zero():
    bias = LSTMParams.untrained(LSTMStructure(units=2)).values["layer_2/bias"]
    assert list(bias) == [0, 0, 0, 0, 1, 1, 0, 0]


def test_seed_decides_the_untrained_values():
    first, again, other = (
        LSTMParams.untrained(LSTMStructure(seed=seed)).fingerprint() for seed in (0, 0, 1)
    )
    assert first == again != other


def test_file_of_mnemosyne_is_refused(tmp_path):
    MetaParams.nominal().save(tmp_path / "mnemosyne.npz")
    with pytest.raises(ValueError, match=r"structure of LSTMParams.*received also \['chunk_size'"):
        LSTMParams.load(tmp_path / "mnemosyne.npz")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"inputs": "raw"}, "Expected inputs in .*received 'raw'"),
        ({"units": 0}, "units of at least 1, received 0"),
    ],
)
def test_structure_out_of_range_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        LSTMStructure(**settings)


def test_scale_out_of_range_is_refused():
    params = LSTMParams.untrained()
    with pytest.raises(ValueError, match=r"rule/output_scale in \[0.0, 1.0\] expected"):
        LSTMParams(params.structure, {**params.values, "rule/output_scale": 7.0})
