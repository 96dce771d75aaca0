"""Mnemosyne under `fit`, and a model that goes on from a file of Keras."""

import numpy as np
import tf_keras as keras

from mnemosyne_tf import Mnemosyne


def make_model():
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.layers.Conv2D(8, 3, activation="relu", input_shape=(8, 8, 1)),
            keras.layers.BatchNormalization(),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2),
        ]
    )


def stripes(count=128):
    """Images of noisy horizontal or vertical stripes, `[count, 8, 8, 1]`, and which they are."""
    random = np.random.RandomState(0)
    labels = random.randint(0, 2, count)
    wave = np.sin(np.arange(8) * np.pi / 2 + 0.5)
    images = np.where(labels[:, None, None], wave[None, :, None], wave[None, None, :])
    noisy = images + 0.3 * random.randn(count, 8, 8)
    return noisy[..., None].astype(np.float32), labels


def test_fit_learns_a_small_convolution_and_resumes_from_a_keras_file(tmp_path):
    model = make_model()
    model.compile(
        optimizer=Mnemosyne(total_steps=60),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    images, labels = stripes()
    history = model.fit(images, labels, batch_size=32, epochs=15, verbose=0).history
    assert history["accuracy"][-1] > 0.95 > history["accuracy"][0]
    model.save(tmp_path / "model.keras")
    restored = keras.models.load_model(tmp_path / "model.keras")
    assert int(restored.optimizer.iterations) == 60
    for saved, loaded in zip(model.optimizer.variables, restored.optimizer.variables, strict=True):
        assert np.array_equal(saved.numpy(), loaded.numpy())
