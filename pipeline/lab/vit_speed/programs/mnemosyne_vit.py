"""Our fine-tuning, as `mnemosyne vit` runs it; or its batches alone, which train nothing."""

from __future__ import annotations

import itertools

import numpy as np
import tensorflow as tf
import tf_keras as keras

from models.vit import ViTClassifier, ViTConfig
from pipeline.malloc import keep_freed_memory
from pipeline.vision.augmentation import training_batches
from pipeline.vision.images.image_set import Split
from pipeline.vision.settings import FLIP, NONE, VisionSettings
from pipeline.vision.training import Trainer
from pipeline.vision.weights.vision_weights import HALF

PACKAGES = ("tensorflow", "tf-keras")
IMAGES_ALONE = "none"  # in place of an optimizer


class Images:
    """Batches without end; `run` makes some and trains nothing."""

    parameters = 0

    def __init__(self, settings: dict, images: str, augmentation: str):
        arrays = np.load(settings["examples"])
        names = tuple(map(str, range(len(arrays["labels"]))))
        split = Split(arrays[images], arrays["labels"], names)
        resolution = arrays["images"].shape[1]
        self._batches = itertools.chain.from_iterable(
            training_batches(
                split,
                resolution=resolution,
                normalisation=HALF,
                augmentation=augmentation,
                batch_size=settings["batch_size"],
                seed=0,
                epoch=epoch,
            )
            for epoch in itertools.count()
        )

    def __next__(self):
        return next(self._batches)

    def run(self, num_steps: int) -> float:
        """Makes batches; returns no loss."""
        for _ in range(num_steps):
            next(self)
        return 0.0


class Training:
    """`parameters` and `run` as of `measured_program`."""

    def __init__(self, settings: dict):
        self._images = Images(settings, "images", NONE)
        arrays = np.load(settings["examples"])
        side = arrays["images"].shape[1]
        model = ViTClassifier(ViTConfig(**settings["model"]), settings["num_classes"], name="vit")
        model(tf.zeros([1, side, side, 3]))
        is_ours = settings["optimizer"] == "mnemosyne"
        vision = VisionSettings(
            optimizer=settings["optimizer"],
            learning_rate=None if is_ours else settings["learning_rate"],
            weight_decay=settings["weight_decay"],
            batch_size=settings["batch_size"],
        )
        trainer = Trainer(model, vision, len(arrays["labels"]))
        self._train_step = trainer.train_step
        self._step = 0
        self.parameters = model.count_params()

    def run(self, num_steps: int) -> float:
        """Makes steps; returns the last one's loss."""
        for _ in range(num_steps):
            images, labels = next(self._images)
            self._step += 1
            loss, _ = self._train_step(images, labels, tf.constant([0, self._step], tf.int32))
            loss = float(loss)
        return loss


def build(settings: dict) -> Training | Images:
    """Makes the model and its optimizer."""
    keep_freed_memory()
    keras.utils.set_random_seed(0)
    if settings["optimizer"] == IMAGES_ALONE:
        return Images(settings, "uncropped", FLIP)
    return Training(settings)
