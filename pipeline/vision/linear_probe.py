"""A linear probe: the encoder runs once over every image, a linear layer learns from its outputs.

Features are standardised with the means and deviations of the training images, so that a rate suits
encoders of any scale; at the end that is folded into the head of the classifier.
"""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import numpy as np
import tensorflow as tf
import tf_keras as keras

from data_prep import storage
from models.vit import ViTClassifier
from models.vit.classifier import pool
from pipeline.vision.augmentation import evaluation_images
from pipeline.vision.images.image_set import ImageSet, Split
from pipeline.vision.settings import VisionSettings
from pipeline.vision.starting_point import StartingPoint
from pipeline.vision.training import outputs_of

_ENCODED_AT_ONCE = 16  # images; more is no faster on a CPU
_LEAST_DEVIATION = 1e-6


class LinearLayer(keras.Model):
    """One dense layer that begins at zero, as a model of its own.

    Call inputs: float32 `[batch, width]`; `training` and `dropout_seed` do nothing.
    Output: float32 logits `[batch, classes]`.
    """

    def __init__(self, num_classes: int, **kwargs):
        super().__init__(**kwargs)
        self.head = keras.layers.Dense(num_classes, kernel_initializer="zeros", name="head")

    def call(self, features, training=False, dropout_seed=None):  # noqa: D102
        return self.head(features)


class LinearProbe:
    """A classifier whose head alone is trained.

    Attributes:
      trained: the model that the optimizer moves.
      factors: None: whole steps.

    Args:
      model: built; its encoder stays as it is.
      data: its images.
      start: where it started.
      settings: complete, see `finetune.complete`.
      cache: folder for the features, so that a run that goes on does not compute them again.
    """

    factors = None

    def __init__(
        self,
        model: ViTClassifier,
        data: ImageSet,
        start: StartingPoint,
        settings: VisionSettings,
        cache: pathlib.Path,
    ):
        self._model, self._start, self._settings = model, start, settings
        self._labels = data.train.labels
        train = self._features(data.train, cache / "train.npy", "features to train on")
        heldout = self._features(data.heldout, cache / "heldout.npy", "features to judge by")
        self._mean = train.mean(0)
        self._deviation = np.maximum(train.std(0), _LEAST_DEVIATION)
        self._train, self._heldout = (
            ((each - self._mean) / self._deviation).astype(np.float32) for each in (train, heldout)
        )
        self.trained = LinearLayer(len(data.classes), name="probe")
        self.trained(tf.zeros([1, train.shape[1]]))

    def _features(self, split: Split, path: pathlib.Path, description: str) -> np.ndarray:
        """Returns float32 `[count, pooled]`, computed once and kept."""
        if path.is_file():
            return np.load(path)
        resolution, normalisation = self._start.resolution, self._start.normalisation
        encoder, pooling = self._model.encoder, self._model.config.pooling

        @tf.function
        def encode(images):
            return tf.cast(pool(encoder(images), pooling), tf.float32)

        features = outputs_of(
            lambda rows: encode(evaluation_images(split.images[rows], resolution, normalisation)),
            len(split),
            min(_ENCODED_AT_ONCE, len(split)),
            description,
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        with storage.open_whole(path) as stream:
            np.save(stream, features)
        return features

    def batches(self, epoch: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The batches of an epoch, from 0; the features that fill none are others in each."""
        order = np.random.RandomState([self._settings.seed, epoch]).permutation(len(self._labels))
        size = self._settings.batch_size
        for start in range(0, len(order) - size + 1, size):
            rows = order[start : start + size]
            yield tf.constant(self._train[rows]), tf.constant(self._labels[rows])

    def heldout_logits(self) -> np.ndarray:
        """Float32 `[count, classes]`."""
        return self.trained(self._heldout).numpy()

    def finish(self) -> None:
        """Puts the layer and the standardisation into the head of the classifier."""
        kernel, bias = (np.float64(each) for each in self.trained.head.get_weights())
        kernel = kernel / self._deviation[:, None]
        self._model.head.set_weights([kernel, bias - self._mean @ kernel])
