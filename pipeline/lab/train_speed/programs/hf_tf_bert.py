"""Hugging Face's BERT for TensorFlow: `compile` and `fit`, or helped.

Helped: the head reads the masked positions alone, and the step is compiled by XLA.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")

import numpy as np
import tensorflow as tf
import tf_keras as keras
from transformers import BertConfig, TFBertForPreTraining

PACKAGES = ("transformers", "tensorflow", "tf-keras")
_NO_LABEL = -100


class AsRun:
    """`parameters` and `run` as of `measured_program`: what the documentation tells users to do."""

    def __init__(self, settings: dict):
        self._model = _model(settings)
        self._model.compile(optimizer=_optimizer(settings))
        batches = np.load(settings["batches"])
        features = {
            **_inputs(batches),
            "labels": labels_of_all_positions(batches),
            "next_sentence_label": batches["next_sentence_labels"],
        }
        self._dataset = tf.data.Dataset.from_tensor_slices(features).repeat().prefetch(4)

    @property
    def parameters(self) -> int:
        """Known after the first step."""
        return self._model.count_params()

    def run(self, num_steps: int) -> float:
        """Makes steps; returns their mean loss."""
        history = self._model.fit(self._dataset, steps_per_epoch=num_steps, verbose=0)
        return float(np.sum(history.history["loss"][-1]))


class Helped:
    """`parameters` and `run` as of `measured_program`: gathered head, a step compiled by XLA."""

    def __init__(self, settings: dict):
        self._model = _model(settings)
        self._model.build()
        optimizer = _optimizer(settings)
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
        outputs = self._model.bert(**_inputs(batch), training=True)
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


def build(settings: dict) -> AsRun | Helped:
    """Makes the model and its optimizer."""
    keras.utils.set_random_seed(0)
    return Helped(settings) if settings["helped"] else AsRun(settings)


def labels_of_all_positions(batches) -> np.ndarray:
    """The masked tokens at their positions, -100 elsewhere, int32 `[batches, batch, seq_len]`."""
    labels = np.full(batches["input_ids"].shape, _NO_LABEL, np.int32)
    kept = np.where(batches["masked_lm_weights"] > 0, batches["masked_lm_ids"], _NO_LABEL)
    # Entries without weight point to position 0, which is never predicted.
    np.put_along_axis(labels, batches["masked_lm_positions"], kept.astype(np.int32), axis=-1)
    return labels


def _inputs(batch) -> dict:
    return {
        "input_ids": batch["input_ids"],
        "attention_mask": batch["input_mask"],
        "token_type_ids": batch["segment_ids"],
    }


def _model(settings: dict) -> TFBertForPreTraining:
    size = settings["model"]
    return TFBertForPreTraining(
        BertConfig(
            vocab_size=size["vocab_size"],
            hidden_size=size["hidden_dim"],
            num_hidden_layers=size["num_layers"],
            num_attention_heads=size["num_heads"],
            intermediate_size=size["intermediate_dim"],
            max_position_embeddings=size["max_position_embeddings"],
            hidden_dropout_prob=settings["dropout"],
            attention_probs_dropout_prob=settings["dropout"],
        )
    )


def _optimizer(settings: dict) -> keras.optimizers.Optimizer:
    return keras.optimizers.AdamW(
        settings["learning_rate"],
        weight_decay=settings["weight_decay"],
        epsilon=1e-6,
        global_clipnorm=settings["clip_norm"],
    )
