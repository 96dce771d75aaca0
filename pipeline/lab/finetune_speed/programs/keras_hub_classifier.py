"""keras-hub's classifier: `compile` and `fit` of Keras 3 on TensorFlow, padded to one length.

Its preprocessor packs every text to `sequence_length` tokens.
"""

from __future__ import annotations

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import keras_hub
import numpy as np
import tensorflow as tf
from bert_of_keras_hub import backbone
from keras_fit import Training, adamw

PACKAGES = ("keras-hub", "keras", "tensorflow")


def build(settings: dict) -> Training:
    """Makes the model and its optimizer."""
    keras.utils.set_random_seed(0)
    model = keras_hub.models.BertTextClassifier(
        backbone(settings),
        settings["num_classes"],
        preprocessor=None,
        dropout=settings["dropout"],
    )
    model.compile(
        optimizer=adamw(keras, settings),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return Training(model, _dataset(settings))


def _dataset(settings: dict) -> tf.data.Dataset:
    arrays = np.load(settings["examples"])
    inputs = {
        "token_ids": arrays["input_ids"],
        "segment_ids": arrays["segment_ids"],
        "padding_mask": arrays["input_mask"],
    }
    dataset = tf.data.Dataset.from_tensor_slices((inputs, arrays["labels"]))
    dataset = dataset.shuffle(len(arrays["labels"]), seed=0).repeat()
    return dataset.batch(settings["batch_size"], drop_remainder=True).prefetch(4)
