"""What fine-tuning starts from: weights of elsewhere, or random ones of a published size."""

from __future__ import annotations

import dataclasses

import tensorflow as tf
import tf_keras as keras

from models.vit import ViTClassifier, ViTConfig
from pipeline.run.precision import layers_compute_in
from pipeline.vision.settings import DEFAULT_SIZE, PROBE, VisionSettings
from pipeline.vision.weights.read import read_weights
from pipeline.vision.weights.vision_weights import HALF, Normalisation, VisionWeights

_LARGEST = 224  # of the default resolution
_CHANNELS = 3


@dataclasses.dataclass(frozen=True)
class StartingPoint:
    """An encoder before fine-tuning.

    Attributes:
      config: the architecture, with the dropout of fine-tuning.
      resolution: pixels of a side of the images.
      normalisation: of the images.
      origin: where the weights come from, in words.
      weights: None for random ones.
      notes: sentences on what a user should know.
    """

    config: ViTConfig
    resolution: int
    normalisation: Normalisation
    origin: str
    weights: VisionWeights | None
    notes: tuple[str, ...] = ()

    def sha256(self) -> str:
        """Of the weights; "" for random ones."""
        return self.weights.sha256() if self.weights else ""

    def build(self, num_classes: int, settings: VisionSettings) -> ViTClassifier:
        """Returns a classifier with these weights and a new head."""
        keras.utils.set_random_seed(settings.seed)
        with layers_compute_in(settings.precision):
            model = ViTClassifier(self.config, num_classes, settings.recompute, name="vit")
            model(tf.zeros([1, self.resolution, self.resolution, _CHANNELS]))
        if self.weights:
            self.weights.load_into(model)
        return model


def read_starting_point(path: str | None, settings: VisionSettings) -> StartingPoint:
    """Reads weights, or takes random ones without a path.

    Raises:
      FileNotFoundError: there is nothing at the path.
      ValueError: it holds no vision transformer, or a setting does not fit to it.
    """
    if path is None:
        return _random(settings)
    for name in ("size", "patch_size"):
        if value := getattr(settings, name):
            raise ValueError(
                f"--{name}: expected none with --weights, which have their own, received {value}"
            )
    weights = read_weights(path)
    if weights.config.channels != _CHANNELS:
        raise ValueError(
            f"--weights {path}: expected a model of images of {_CHANNELS} channels, received "
            f"{weights.config.channels}"
        )
    rates = {"dropout": settings.dropout, "attention_dropout": settings.dropout}
    return StartingPoint(
        config=dataclasses.replace(weights.config, **rates),
        resolution=_resolution(weights.config, settings),
        normalisation=weights.normalisation,
        origin=weights.origin,
        weights=weights,
        notes=weights.notes,
    )


def _random(settings: VisionSettings) -> StartingPoint:
    if settings.mode == PROBE:
        raise ValueError(
            "--mode probe: expected --weights, since the encoder is not trained, received none"
        )
    patch = {"patch_size": settings.patch_size} if settings.patch_size else {}
    size = settings.size or DEFAULT_SIZE
    sizes = ViTConfig.named(size)
    side = settings.patch_size or sizes.patch_size
    resolution = settings.resolution or _LARGEST // side * side
    config = ViTConfig.named(
        size,
        image_size=resolution,
        dropout=settings.dropout,
        attention_dropout=settings.dropout,
        **patch,
    )
    origin = f"random weights, {size}"
    return StartingPoint(config, resolution, HALF, origin, None)


def _resolution(config: ViTConfig, settings: VisionSettings) -> int:
    patch = config.patch_size
    resolution = settings.resolution or min(_LARGEST, config.image_size) // patch * patch
    if resolution % patch:
        raise ValueError(
            f"--resolution: expected a multiple of {patch}, the patch of these weights, received "
            f"{resolution}. Nearest: {max(1, round(resolution / patch)) * patch}."
        )
    return resolution
