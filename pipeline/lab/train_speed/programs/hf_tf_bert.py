"""Hugging Face's BERT for TensorFlow: `compile` and `fit`, or helped.

Helped: the head reads the masked positions alone, and the step is compiled by XLA.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")

import numpy as np
import tensorflow as tf
import tf_keras as keras
from bert_of_hugging_face import config, inputs, labels_of_all_positions
from keras_fit import Training, adamw
from transformers import TFBertForPreTraining

PACKAGES = ("transformers", "tensorflow", "tf-keras")


class Helped:
    """`parameters` and `run` as of `measured_program`: gathered head, a step compiled by XLA."""

    def __init__(self, settings: dict):
        self._model = TFBertForPreTraining(config(settings))
        self._model.build()
        optimizer = adamw(keras, settings)
        optimizer.build(self._model.trainable_variables)
        batches = dict(np.load(settings["batches"]))
        self._batches = iter(tf.data.Dataset.from_tensor_slices(batches).repeat().prefetch(4))
        self.parameters = self._model.count_params()

        @tf.function(jit_compile=True)
        def step(batch):
            with tf.GradientTape() as tape:
                loss = self._loss(batch)
            variables = self._model.trainable_variables
            optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
            return loss

        self._step = step

    def run(self, num_steps: int) -> float:
        """Makes steps; returns the last one's loss."""
        for _ in range(num_steps):
            loss = self._step(next(self._batches))
        return float(loss)

    def _loss(self, batch) -> tf.Tensor:
        outputs = self._model.bert(**inputs(batch), training=True)
        gathered = tf.gather(outputs.last_hidden_state, batch["masked_lm_positions"], batch_dims=1)
        cross_entropy = tf.nn.sparse_softmax_cross_entropy_with_logits
        masked_lm = cross_entropy(batch["masked_lm_ids"], self._model.mlm(gathered))
        next_sentence = cross_entropy(
            batch["next_sentence_labels"], self._model.nsp(outputs.pooler_output)
        )
        weights = batch["masked_lm_weights"]
        return tf.reduce_sum(masked_lm * weights) / tf.reduce_sum(weights) + tf.reduce_mean(
            next_sentence
        )


def build(settings: dict) -> Training | Helped:
    """Makes the model and its optimizer; not helped, as the documentation tells users to."""
    keras.utils.set_random_seed(0)
    if settings["helped"]:
        return Helped(settings)
    model = TFBertForPreTraining(config(settings))
    model.compile(optimizer=adamw(keras, settings))
    return Training(model, _dataset(settings))


def _dataset(settings: dict) -> tf.data.Dataset:
    batches = np.load(settings["batches"])
    features = {
        **inputs(batches),
        "labels": labels_of_all_positions(batches),
        "next_sentence_label": batches["next_sentence_labels"],
    }
    return tf.data.Dataset.from_tensor_slices(features).repeat().prefetch(4)
