"""The LSTM optimizers as Keras 2 optimizers: configuration, state, resuming, fit."""

import json

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from mnemosyne_tf import CoordinatewiseLSTM, LSTMParams, LSTMStructure, RNNprop

CLASSES = (CoordinatewiseLSTM, RNNprop)
each_class = pytest.mark.parametrize("optimizer_class", CLASSES)


def make_variables():
    random = np.random.RandomState(0)
    return [
        tf.Variable(np.float32(random.standard_normal(shape)), name=name)
        for name, shape in {"dense/kernel": (4, 3), "dense/bias": (3,)}.items()
    ]


def train(optimizer, variables, steps):
    for step in steps:
        random = np.random.RandomState(100 + step)
        gradients = [tf.constant(random.standard_normal(v.shape), v.dtype) for v in variables]
        optimizer.apply_gradients(zip(gradients, variables, strict=True))


@each_class
def test_config_survives_json(optimizer_class):
    params = LSTMParams.untrained(LSTMStructure(inputs=optimizer_class.inputs, units=3, seed=4))
    schedule = keras.optimizers.schedules.PolynomialDecay(1.0, 100, 0.1)
    optimizer = optimizer_class(
        schedule, 0.1, meta_params=params, global_clipnorm=1.0, use_ema=True, jit_compile=False
    )
    text = json.dumps(keras.optimizers.serialize(optimizer), sort_keys=True)
    twin = keras.optimizers.deserialize(json.loads(text))
    assert type(twin) is optimizer_class
    assert json.dumps(keras.optimizers.serialize(twin), sort_keys=True) == text
    assert twin.meta_params.fingerprint() == params.fingerprint()
    assert optimizer_class().get_config()["meta_params"] == "untrained"


@pytest.mark.parametrize(("optimizer_class", "floats"), [(CoordinatewiseLSTM, 80), (RNNprop, 82)])
def test_state_is_float32_and_counted_in_floats_per_weight(optimizer_class, floats):
    optimizer = optimizer_class(jit_compile=False)
    variable = tf.Variable(tf.ones([3, 5], tf.bfloat16), name="kernel")
    optimizer.build([variable])
    train(optimizer, [variable], range(2))
    state, lines = optimizer.variables[3:], []
    optimizer.summary(print_fn=lines.append)
    assert f"15 weights, {4 * floats * 15:,} bytes of state ({floats} floats" in lines[-1]
    assert sum(int(np.prod(each.shape)) for each in state) == floats * 15
    assert all(each.dtype == tf.float32 and each.numpy().any() for each in state)
    assert variable.dtype == tf.bfloat16


def test_summary_says_what_is_decayed():
    optimizer, lines = RNNprop(weight_decay=0.1, jit_compile=False), []
    with pytest.raises(RuntimeError, match="optimizer.build"):
        optimizer.summary()
    optimizer.build(make_variables())
    optimizer.summary(print_fn=lines.append)
    assert lines[0].split()[:4] == ["dense/kernel:0", "12", "weights", "decayed"]
    assert "not decayed" in lines[1] and "984 bytes of state" in lines[1]


@each_class
def test_restored_checkpoint_continues_bit_for_bit(optimizer_class, tmp_path):
    optimizer, variables = optimizer_class(jit_compile=False), make_variables()
    train(optimizer, variables, range(3))
    path = tf.train.Checkpoint(optimizer=optimizer, variables=variables).save(str(tmp_path / "c"))
    train(optimizer, variables, range(3, 6))
    resumed, others = optimizer_class(jit_compile=False), make_variables()
    resumed.build(others)
    checkpoint = tf.train.Checkpoint(optimizer=resumed, variables=others)
    checkpoint.restore(path).assert_consumed()
    train(resumed, others, range(3, 6))
    for expected, value in zip(variables, others, strict=True):
        assert np.array_equal(expected.numpy(), value.numpy())


@each_class
def test_file_is_read_and_the_other_kind_refused(optimizer_class, tmp_path):
    other = next(each for each in CLASSES if each is not optimizer_class)
    params = LSTMParams.untrained(LSTMStructure(inputs=optimizer_class.inputs, seed=9))
    params.save(tmp_path / "lstm.npz")
    read = optimizer_class(meta_params=tmp_path / "lstm.npz").meta_params
    assert read.fingerprint() == params.fingerprint()
    with pytest.raises(ValueError, match="belong to the other LSTM optimizer"):
        other(meta_params=tmp_path / "lstm.npz")


def test_bad_gradient_anywhere_skips_every_variable():
    optimizer, variables = RNNprop(jit_compile=False), make_variables()
    train(optimizer, variables, range(1))
    before = [each.numpy() for each in [*variables, *optimizer.variables[3:]]]
    gradients = [tf.fill(variables[0].shape, np.nan), tf.ones(variables[1].shape)]
    optimizer.apply_gradients(zip(gradients, variables, strict=True))
    after = [each.numpy() for each in [*variables, *optimizer.variables[3:]]]
    assert all(np.array_equal(old, new) for old, new in zip(before, after, strict=True))
    assert (int(optimizer.applied_steps), int(optimizer.skipped_steps)) == (1, 1)


def test_fit_runs_as_one_compiled_program():
    model = keras.Sequential([keras.layers.Dense(2, input_shape=(3,))])
    model.compile(optimizer=RNNprop(), loss="mse", jit_compile=True)
    start = model.get_weights()
    history = model.fit(np.ones([8, 3]), np.ones([8, 2]), epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert not np.array_equal(start[0], model.get_weights()[0])
    assert int(model.optimizer.applied_steps) == 2
