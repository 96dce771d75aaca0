"""Hugging Face's vision transformer for TensorFlow: `compile` and `fit`."""

from __future__ import annotations

import os

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")

import numpy as np
import tensorflow as tf
import tf_keras as keras
from keras_fit import Training, adamw
from transformers import TFViTForImageClassification, ViTConfig

PACKAGES = ("transformers", "tensorflow", "tf-keras")


def build(settings: dict) -> Training:
    """Makes the model and its optimizer."""
    keras.utils.set_random_seed(0)
    model = _model(settings)
    model.compile(optimizer=adamw(keras, settings))
    return Training(model, iter(_dataset(settings)))


def _model(settings: dict) -> TFViTForImageClassification:
    size = settings["model"]
    return TFViTForImageClassification(
        ViTConfig(
            hidden_size=size["hidden_dim"],
            num_hidden_layers=size["num_layers"],
            num_attention_heads=size["num_heads"],
            intermediate_size=size["intermediate_dim"],
            image_size=size["image_size"],
            patch_size=size["patch_size"],
            layer_norm_eps=size["layer_norm_epsilon"],
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            num_labels=settings["num_classes"],
        )
    )


def _dataset(settings: dict) -> tf.data.Dataset:
    """All images in random order without end, channels first, as its image processor gives them."""
    arrays = np.load(settings["examples"])
    dataset = tf.data.Dataset.from_tensor_slices((arrays["images"], arrays["labels"]))
    dataset = dataset.shuffle(len(arrays["labels"]), seed=0).repeat()
    dataset = dataset.batch(settings["batch_size"], drop_remainder=True)
    return dataset.map(_features).prefetch(4)


def _features(images, labels):
    pixels = tf.transpose(tf.cast(images, tf.float32) / 127.5 - 1.0, [0, 3, 1, 2])
    return {"pixel_values": pixels, "labels": labels}
