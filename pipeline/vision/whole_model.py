"""Fine-tuning of everything: batches of augmented images for the whole model."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from models.vit import ViTClassifier
from pipeline.vision.augmentation import evaluation_images, training_batches
from pipeline.vision.images.image_set import ImageSet
from pipeline.vision.layer_decay import step_factors
from pipeline.vision.settings import LAYER_DECAY, VisionSettings
from pipeline.vision.starting_point import StartingPoint
from pipeline.vision.training import outputs_of


class WholeModel:
    """A classifier all of whose weights are trained.

    Attributes:
      trained: the model that the optimizer moves.
      factors: of the steps of its variables, or None.

    Args:
      model: built.
      data: its images.
      start: where it started.
      settings: complete, see `finetune.complete`.
    """

    def __init__(
        self,
        model: ViTClassifier,
        data: ImageSet,
        start: StartingPoint,
        settings: VisionSettings,
    ):
        self.trained = model
        self._data, self._settings = data, settings
        self._view = {"resolution": start.resolution, "normalisation": start.normalisation}
        self.factors = None
        if settings.mode == LAYER_DECAY:
            names = [variable.name for variable in model.trainable_variables]
            self.factors = step_factors(names, model.config.num_layers, settings.layer_decay)
        self._logits = tf.function(lambda images: model(images, training=False))

    def batches(self, epoch: int) -> Iterator[tuple[tf.Tensor, tf.Tensor]]:
        """The batches of an epoch, from 0."""
        return training_batches(
            self._data.train,
            augmentation=self._settings.augmentation,
            batch_size=self._settings.batch_size,
            seed=self._settings.seed,
            epoch=epoch,
            **self._view,
        )

    def heldout_logits(self) -> np.ndarray:
        """Float32 `[count, classes]`."""
        images = self._data.heldout.images
        return outputs_of(
            lambda rows: self._logits(evaluation_images(images[rows], **self._view)),
            len(images),
            self._settings.batch_size,
        )

    def finish(self) -> None:
        """Nothing is left to do: the trained model is the classifier."""
