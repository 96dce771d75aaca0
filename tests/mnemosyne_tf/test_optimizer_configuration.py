"""What Mnemosyne is made from, and made anew: configuration and meta-parameters."""

import json

import numpy as np
import pytest
import tf_keras as keras

from mnemosyne_tf import MetaParams, Mnemosyne


def test_config_survives_json(live):
    schedule = keras.optimizers.schedules.PolynomialDecay(1.0, 100, 0.1)
    optimizer = Mnemosyne(
        schedule, 500, 0.2, meta_params=live, orthogonalise=False, matrix_scale="rms",
        newton_schulz_coefficients="you", newton_schulz_wide_iterations=3, attention_block=64,
        newton_schulz_iterations=4, newton_schulz_dtype="bfloat16", global_clipnorm=1.0,
        use_ema=True, jit_compile=False, name="M",
    )  # fmt: skip
    text = json.dumps(optimizer.get_config(), sort_keys=True)
    twin = Mnemosyne.from_config(json.loads(text))
    assert json.dumps(twin.get_config(), sort_keys=True) == text
    assert all(np.array_equal(twin.meta_params.values[k], v) for k, v in live.values.items())
    assert (json.loads(text)["total_steps"], json.loads(text)["weight_decay"]) == (500, 0.2)


def test_keras_serialisation_finds_the_class():
    config = keras.optimizers.serialize(Mnemosyne(total_steps=7))
    twin = keras.optimizers.deserialize(json.loads(json.dumps(config)))
    assert isinstance(twin, Mnemosyne) and twin.get_config()["total_steps"] == 7


def test_meta_params_are_read_from_a_file_and_embedded_in_the_config(live, tmp_path):
    live.save(tmp_path / "trained.npz")
    optimizer = Mnemosyne(meta_params=tmp_path / "trained.npz")
    (tmp_path / "trained.npz").unlink()
    twin = Mnemosyne.from_config(optimizer.get_config())
    assert np.array_equal(twin.meta_params.values["memory/key"], live.values["memory/key"])


def test_unknown_meta_params_file_is_named():
    with pytest.raises(FileNotFoundError, match=r'traned\.npz.*"shipped" or "nominal"'):
        Mnemosyne(meta_params="traned.npz")


def test_meta_params_object_is_accepted():
    meta_params = MetaParams.nominal()
    assert Mnemosyne(meta_params=meta_params).meta_params is meta_params
