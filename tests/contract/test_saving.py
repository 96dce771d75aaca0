"""Contract of every optimizer: what is saved and loaded goes on bit for bit."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras


def test_restored_checkpoint_continues_bit_for_bit(contestant, problem, tmp_path):
    def start():
        optimizer, variables = contestant.make(), problem.variables()
        step = problem.graph_step(optimizer, variables)
        return step, variables, tf.train.Checkpoint(optimizer=optimizer, variables=variables)

    step, variables, checkpoint = start()
    for t in range(4):
        if t == 2:
            path = checkpoint.save(str(tmp_path / "ckpt"))
        step(problem.gradients(t))
    resumed_step, resumed, checkpoint = start()
    checkpoint.restore(path).assert_consumed()
    for t in (2, 3):
        resumed_step(problem.gradients(t))
    assert np.array_equal(problem.flat(variables), problem.flat(resumed))


def compiled_model(optimizer):
    """A model that is none of ours."""
    keras.utils.set_random_seed(0)
    layers = [
        keras.layers.Dense(9, activation="relu", input_shape=(8,)),
        keras.layers.Dense(1),
    ]
    model = keras.Sequential(layers)
    model.compile(optimizer, loss="mse")
    return model


def regression():
    random = np.random.RandomState(0)
    inputs = random.randn(64, 8).astype(np.float32)
    return inputs, np.maximum(inputs[:, :1], 0.0)


def fit(model, epochs):
    """Losses of so many epochs of two batches, in order."""
    inputs, targets = regression()
    history = model.fit(inputs, targets, batch_size=32, epochs=epochs, shuffle=False, verbose=0)
    return history.history["loss"]


def trained_model(contestant):
    """Compiled, fitted for four epochs; the kernels are spared from weight decay if it is ours."""
    optimizer = contestant.make()
    if contestant.ours:
        optimizer.exclude_from_weight_decay(var_names=["kernel"])  # Keras's own forget it
    model = compiled_model(optimizer)
    losses = fit(model, epochs=4)
    if contestant.trained:
        assert losses[-1] < losses[0]
    return model


def assert_goes_on_alike(model, loaded):
    assert fit(loaded, epochs=1) == fit(model, epochs=1)
    for expected, value in zip(model.get_weights(), loaded.get_weights(), strict=True):
        assert np.array_equal(expected, value)


def test_compiled_model_learns_and_goes_on_from_a_keras_file_bit_for_bit(contestant, tmp_path):
    model = trained_model(contestant)
    model.save(tmp_path / "model.keras")
    assert_goes_on_alike(model, keras.models.load_model(tmp_path / "model.keras"))


# A SavedModel takes long to make: three optimizers stand for all.
@pytest.mark.slow
@pytest.mark.parametrize("contestant", ["mnemosyne", "schedule_free_adamw", "adamw"], indirect=True)
def test_compiled_model_goes_on_from_a_saved_model_bit_for_bit(contestant, tmp_path):
    model, path = trained_model(contestant), str(tmp_path / "model")
    model.save(path, save_format="tf")
    loaded = keras.models.load_model(path)
    # Keras makes the optimizer anew from its configuration; its state waits in the same folder.
    loaded.optimizer.build(loaded.trainable_variables)
    state = tf.train.Checkpoint(root=loaded).restore(f"{path}/variables/variables")
    state.expect_partial()  # the metrics are left
    assert_goes_on_alike(model, loaded)
