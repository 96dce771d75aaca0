"""Hugging Face's classifier for TensorFlow: `compile` and `fit`, batches padded to their longest.

As its `run_glue.py` and `prepare_tf_dataset` do: no XLA, the allocator of the system.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")

import numpy as np
import tensorflow as tf
import tf_keras as keras
from bert_of_hugging_face import config, inputs
from keras_fit import Training, adamw
from transformers import TFBertForSequenceClassification

PACKAGES = ("transformers", "tensorflow", "tf-keras")


def build(settings: dict) -> Training:
    """Makes the model and its optimizer."""
    keras.utils.set_random_seed(0)
    model = TFBertForSequenceClassification(config(settings, num_labels=settings["num_classes"]))
    model.compile(optimizer=adamw(keras, settings))
    return Training(model, iter(_dataset(settings)))


def _dataset(settings: dict) -> tf.data.Dataset:
    """All examples in random order without end, each batch padded to its longest example."""
    arrays = dict(np.load(settings["examples"]))
    lengths = arrays["input_mask"].sum(axis=1)
    features = inputs(arrays)
    labels = arrays["labels"]

    def examples():
        for epoch in range(1_000_000):
            for row in np.random.RandomState(epoch).permutation(len(lengths)):
                cut = {name: array[row, : lengths[row]] for name, array in features.items()}
                yield cut | {"labels": labels[row]}

    spec = {name: tf.TensorSpec([None], tf.int32) for name in features}
    spec["labels"] = tf.TensorSpec([], tf.int32)
    dataset = tf.data.Dataset.from_generator(examples, output_signature=spec)
    return dataset.padded_batch(settings["batch_size"], drop_remainder=True).prefetch(4)
