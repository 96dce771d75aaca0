"""Hugging Face's classifier for TensorFlow: `compile` and `fit`, batches padded to their longest.

As its `run_glue.py` and `prepare_tf_dataset` do: no XLA, the allocator of the system.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")

import numpy as np
import tensorflow as tf
import tf_keras as keras
from transformers import BertConfig, TFBertForSequenceClassification

PACKAGES = ("transformers", "tensorflow", "tf-keras")
_NAMES = {
    "input_ids": "input_ids",
    "input_mask": "attention_mask",
    "segment_ids": "token_type_ids",
}


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
            )
        )
        self._batches = iter(_dataset(settings))

    @property
    def parameters(self) -> int:
        """Known after the first step."""
        return self._model.count_params()

    def run(self, num_steps: int) -> float:
        """Makes steps; returns their mean loss."""
        history = self._model.fit(self._batches, steps_per_epoch=num_steps, verbose=0)
        return float(history.history["loss"][-1])


def build(settings: dict) -> Training:
    """Makes the model and its optimizer."""
    keras.utils.set_random_seed(0)
    return Training(settings)


def _dataset(settings: dict) -> tf.data.Dataset:
    """All examples in random order without end, each batch padded to its longest example."""
    arrays = np.load(settings["examples"])
    lengths = arrays["input_mask"].sum(axis=1)

    def examples():
        for epoch in range(1_000_000):
            for row in np.random.RandomState(epoch).permutation(len(lengths)):
                yield {theirs: loaded[ours][row, : lengths[row]] for ours, theirs in names} | {
                    "labels": labels[row]
                }

    names = tuple(_NAMES.items())
    loaded = {ours: arrays[ours] for ours in _NAMES}
    labels = arrays["labels"]
    spec = {theirs: tf.TensorSpec([None], tf.int32) for theirs in _NAMES.values()}
    spec["labels"] = tf.TensorSpec([], tf.int32)
    dataset = tf.data.Dataset.from_generator(examples, output_signature=spec)
    return dataset.padded_batch(settings["batch_size"], drop_remainder=True).prefetch(4)


def _model(settings: dict) -> TFBertForSequenceClassification:
    size = settings["model"]
    return TFBertForSequenceClassification(
        BertConfig(
            vocab_size=size["vocab_size"],
            hidden_size=size["hidden_dim"],
            num_hidden_layers=size["num_layers"],
            num_attention_heads=size["num_heads"],
            intermediate_size=size["intermediate_dim"],
            max_position_embeddings=size["max_position_embeddings"],
            hidden_dropout_prob=settings["dropout"],
            attention_probs_dropout_prob=settings["dropout"],
            num_labels=settings["num_classes"],
        )
    )
