"""keras-hub's image classifier: `compile` and `fit` of Keras 3 on TensorFlow."""

from __future__ import annotations

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import keras_hub
import numpy as np
import tensorflow as tf
from keras_fit import Training, adamw

PACKAGES = ("keras-hub", "keras", "tensorflow")


def build(settings: dict) -> Training:
    """Makes the model and its optimizer."""
    keras.utils.set_random_seed(0)
    model = _model(settings)
    model.compile(
        optimizer=adamw(keras, settings),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return Training(model, _dataset(settings))


def _model(settings: dict) -> keras.Model:
    size = settings["model"]
    backbone = keras_hub.models.ViTBackbone(
        image_shape=(size["image_size"], size["image_size"], 3),
        patch_size=size["patch_size"],
        num_layers=size["num_layers"],
        num_heads=size["num_heads"],
        hidden_dim=size["hidden_dim"],
        mlp_dim=size["intermediate_dim"],
        layer_norm_epsilon=size["layer_norm_epsilon"],
    )
    return keras_hub.models.ViTImageClassifier(backbone, settings["num_classes"], preprocessor=None)


def _dataset(settings: dict) -> tf.data.Dataset:
    arrays = np.load(settings["examples"])
    dataset = tf.data.Dataset.from_tensor_slices((arrays["images"], arrays["labels"]))
    dataset = dataset.shuffle(len(arrays["labels"]), seed=0).repeat()
    dataset = dataset.batch(settings["batch_size"], drop_remainder=True)
    return dataset.map(_normalised).prefetch(4)


def _normalised(images, labels):
    return tf.cast(images, tf.float32) / 127.5 - 1.0, labels
