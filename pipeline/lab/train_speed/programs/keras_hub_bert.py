"""BERT from the parts of keras-hub, trained by `fit` of Keras 3 on TensorFlow.

keras-hub's own task has no next-sentence loss; its head for masked tokens, which gathers them
first, and a dense layer on its pooled output make one that has.
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
    model = _model(settings)
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(
        optimizer=adamw(keras, settings),
        loss={"masked_lm": cross_entropy, "next_sentence": cross_entropy},
    )
    return Training(model, _dataset(settings))


def _model(settings: dict) -> keras.Model:
    bert = backbone(settings)
    positions = keras.Input((None,), dtype="int32", name="mask_positions")
    head = keras_hub.layers.MaskedLMHead(
        vocabulary_size=settings["model"]["vocab_size"],
        token_embedding=bert.token_embedding,
        intermediate_activation=lambda x: keras.activations.gelu(x, approximate=True),
        kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.02),
        name="masked_lm",
    )
    next_sentence = keras.layers.Dense(
        2, kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.02), name="next_sentence"
    )
    outputs = bert(bert.input)
    return keras.Model(
        {**bert.input, "mask_positions": positions},
        {
            "masked_lm": head(outputs["sequence_output"], mask_positions=positions),
            "next_sentence": next_sentence(outputs["pooled_output"]),
        },
    )


def _dataset(settings: dict) -> tf.data.Dataset:
    batches = np.load(settings["batches"])
    inputs = {
        "token_ids": batches["input_ids"],
        "segment_ids": batches["segment_ids"],
        "padding_mask": batches["input_mask"],
        "mask_positions": batches["masked_lm_positions"],
    }
    labels = {
        "masked_lm": batches["masked_lm_ids"],
        "next_sentence": batches["next_sentence_labels"],
    }
    weights = {
        "masked_lm": batches["masked_lm_weights"],
        "next_sentence": batches["next_sentence_weights"],
    }
    return tf.data.Dataset.from_tensor_slices((inputs, labels, weights)).repeat().prefetch(4)
