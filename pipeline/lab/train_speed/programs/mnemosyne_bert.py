"""Our training step, of the checkout that PYTHONPATH names, as `mnemosyne pretrain` runs it.

It measures older checkouts, too, so it uses only what they have alike.
"""

from __future__ import annotations

import contextlib
import os

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")  # as `pipeline.cli`: no Keras 3 is imported

import numpy as np
import tensorflow as tf
import tf_keras as keras

from models import BertConfig, BertPretrainer, losses
from pipeline import train_step
from pipeline.malloc import keep_freed_memory
from pipeline.optimizers.from_recipe import make_optimizer
from pipeline.recipes.sections import OptimizerConfig

PACKAGES = ("tensorflow", "tf-keras")
_NUM_TRAIN_STEPS = 1_000_000


class Training:
    """`parameters` and `run` as of `measured_program`."""

    def __init__(self, settings: dict):
        batches = dict(np.load(settings["batches"]))
        strategy = _one_device()
        with strategy.scope():
            model = BertPretrainer(_config(settings))
            model({name: batch[0, :1] for name, batch in batches.items()})
            optimizer = make_optimizer(
                _optimizer_config(settings),
                _NUM_TRAIN_STEPS,
                int(batches["masked_lm_weights"][0].sum()),
            )
            optimizer.build(model.trainable_variables)
            step = tf.Variable(0, dtype=tf.int64, trainable=False, name="step")
        dataset = tf.data.Dataset.from_tensor_slices(batches).repeat().prefetch(4)
        self._batches = iter(strategy.experimental_distribute_dataset(dataset))
        self._train_steps = train_step.make_train_steps(strategy, model, optimizer, step, 0)
        self.parameters = model.count_params()
        self._trace, self._compiled = settings.get("profile"), False

    def run(self, num_steps: int) -> float:
        """Makes steps in one loop on the device; returns their mean loss."""
        with self._profiler():
            sums = self._train_steps(self._batches, tf.constant(num_steps)).numpy()
        self._compiled = True
        return losses.means(sums)["loss"]

    def _profiler(self) -> contextlib.AbstractContextManager:
        # Only one trace: a second one would not name the instructions of XLA's programs.
        if self._trace and self._compiled:
            return tf.profiler.experimental.Profile(self._trace)
        return contextlib.nullcontext()


def build(settings: dict) -> Training:
    """Makes the model and its optimizer."""
    keep_freed_memory()
    keras.utils.set_random_seed(0)
    return Training(settings)


def _one_device() -> tf.distribute.Strategy:
    # Not by name: checkouts of different age have different names for it.
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return tf.distribute.OneDeviceStrategy(devices[0].name)


def _config(settings: dict) -> BertConfig:
    return BertConfig(
        **settings["model"],
        dropout=settings["dropout"],
        attention_dropout=settings["dropout"],
    )


def _optimizer_config(settings: dict) -> OptimizerConfig:
    if settings["optimizer"] == "mnemosyne":
        return OptimizerConfig(name="mnemosyne")
    return OptimizerConfig(
        name=settings["optimizer"],
        learning_rate=settings["learning_rate"],
        weight_decay=settings["weight_decay"],
        clip_norm=settings["clip_norm"],
    )
