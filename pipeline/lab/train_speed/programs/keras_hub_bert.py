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

PACKAGES = ("keras-hub", "keras", "tensorflow")


class Training:
    """`parameters` and `run` as of `measured_program`."""

    def __init__(self, settings: dict):
        self._model = _model(settings)
        self._model.compile(
            optimizer=keras.optimizers.AdamW(
                settings["learning_rate"],
                weight_decay=settings["weight_decay"],
                epsilon=1e-6,
                global_clipnorm=settings["clip_norm"],
            ),
            loss={
                "masked_lm": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
                "next_sentence": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            },
        )
        self._dataset = _dataset(settings)
        self.parameters = sum(int(np.prod(each.shape)) for each in self._model.trainable_weights)

    def run(self, num_steps: int) -> float:
        """Makes steps; returns their mean loss."""
        history = self._model.fit(self._dataset, steps_per_epoch=num_steps, verbose=0)
        return history.history["loss"][-1]


def build(settings: dict) -> Training:
    """Makes the model and its optimizer."""
    keras.utils.set_random_seed(0)
    return Training(settings)


def _model(settings: dict) -> keras.Model:
    size = settings["model"]
    backbone = keras_hub.models.BertBackbone(
        vocabulary_size=size["vocab_size"],
        num_layers=size["num_layers"],
        num_heads=size["num_heads"],
        hidden_dim=size["hidden_dim"],
        intermediate_dim=size["intermediate_dim"],
        max_sequence_length=size["max_position_embeddings"],
        dropout=settings["dropout"],
    )
    positions = keras.Input((None,), dtype="int32", name="mask_positions")
    head = keras_hub.layers.MaskedLMHead(
        vocabulary_size=size["vocab_size"],
        token_embedding=backbone.token_embedding,
        intermediate_activation=lambda x: keras.activations.gelu(x, approximate=True),
        kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.02),
        name="masked_lm",
    )
    next_sentence = keras.layers.Dense(
        2, kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.02), name="next_sentence"
    )
    outputs = backbone(backbone.input)
    return keras.Model(
        {**backbone.input, "mask_positions": positions},
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
