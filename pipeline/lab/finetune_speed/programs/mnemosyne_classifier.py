"""Our fine-tuning, as `mnemosyne glue` runs it: batches of like length."""

from __future__ import annotations

import os

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")  # as `pipeline.cli`: no Keras 3 is imported

import numpy as np
import tensorflow as tf
import tf_keras as keras

from models import BertConfig
from models.bert_classifier import BertClassifier
from pipeline import length_batches
from pipeline.glue import classifier_step
from pipeline.glue.settings import FineTuningSettings
from pipeline.malloc import keep_freed_memory
from pipeline.optimizers.from_recipe import make_optimizer
from pipeline.recipes.sections import OptimizerConfig

PACKAGES = ("tensorflow", "tf-keras")


class Training:
    """`parameters` and `run` as of `measured_program`."""

    def __init__(self, settings: dict):
        arrays = dict(np.load(settings["examples"]))
        self._labels = arrays.pop("labels")
        self._features = arrays
        fine_tuning = FineTuningSettings(
            batch_size=settings["batch_size"], num_train_epochs=settings["epochs"]
        )
        num_steps = fine_tuning.num_train_steps(len(self._labels))
        model = _model(settings)
        optimizer = make_optimizer(_optimizer(settings), num_steps, settings["batch_size"])
        compiled = classifier_step.what_is_compiled(num_steps)
        self._train_step = classifier_step.make_train_step(
            model, optimizer, self._labels.dtype, compiled=compiled
        )
        self._batches = length_batches.training_batches(
            classifier_step.lengths_of(arrays),
            batch_size=settings["batch_size"],
            num_steps=num_steps,
            seed=0,
            width_cost=length_batches.WIDTH_COST_ON_CPU,
        )
        self._step = 0
        self.parameters = model.count_params()
        # Every width once, so that no counted turn compiles.
        for batch in {batch.width: batch for batch in self._batches}.values():
            self._loss(batch)

    def run(self, num_steps: int) -> float:
        """Makes steps; returns the last one's loss."""
        for _ in range(num_steps):
            loss = self._loss(self._batches[self._step % len(self._batches)])
            self._step += 1
        return float(loss)

    def _loss(self, batch):
        features = classifier_step.cut(self._features, batch)
        return self._train_step(features, self._labels[batch.rows], tf.constant([0, self._step]))


def build(settings: dict) -> Training:
    """Makes the model and its optimizer."""
    keep_freed_memory()
    keras.utils.set_random_seed(0)
    return Training(settings)


def _model(settings: dict) -> BertClassifier:
    dropout = settings["dropout"]
    config = BertConfig(**settings["model"], dropout=dropout, attention_dropout=dropout)
    model = BertClassifier(config, settings["num_classes"])
    model({n: tf.ones([1, 2], tf.int32) for n in ("input_ids", "input_mask", "segment_ids")})
    return model


def _optimizer(settings: dict) -> OptimizerConfig:
    if settings["optimizer"] == "mnemosyne":
        return OptimizerConfig(name="mnemosyne")
    return OptimizerConfig(
        name=settings["optimizer"],
        learning_rate=settings["learning_rate"],
        weight_decay=settings["weight_decay"],
        clip_norm=settings["clip_norm"],
    )
