"""The vision transformers that are trained: one from random weights, one from real ones.

Images are neither cropped nor mirrored, so that a run depends on the optimizer alone.
"""

from __future__ import annotations

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
import tf_keras as keras

from data_prep.images.class_files import find_class_files
from models.vit import ViTClassifier
from pipeline.lab.races.tasks.task import Arrays, Task
from pipeline.vision.augmentation import evaluation_images
from pipeline.vision.images.idx_files import read_idx_files
from pipeline.vision.images.image_set import ImageSet, Split
from pipeline.vision.images.sources import DIGITS, read_images
from pipeline.vision.settings import VisionSettings
from pipeline.vision.starting_point import StartingPoint, read_starting_point

_DRAWN_WITH, _HELDOUT_FRACTION = 0, 0.25
_CONVERTED_AT_ONCE = 100  # images


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How much of a data set is used, and for how long.

    Attributes:
      images: `--images` of `mnemosyne vit`.
      num_classes: in them.
      resolution: pixels of a side that the model is given.
      max_train, max_heldout: images, drawn once; 0 for all.
      batch_size: images a step.
      eval_every_steps, num_evaluations: of a run.
      patch_size: of a model from random weights.
      heldout_fraction: of class folders.
    """

    images: str
    num_classes: int
    resolution: int
    max_train: int
    max_heldout: int
    batch_size: int
    eval_every_steps: int
    num_evaluations: int
    patch_size: int | None = None
    heldout_fraction: float | None = None


def digits_task() -> Task:
    """ViT-Ti from random weights on scikit-learn's digits."""
    return _task("vit_ti_digits", Sizes(DIGITS, 10, 32, 0, 0, 32, 15, 10, patch_size=8), None)


def fashion_task(folder: str, weights: str) -> Task:
    """All of a vision transformer from real weights, on some of Fashion-MNIST.

    Raises:
      FileNotFoundError: a file is missing.
      ValueError: one is damaged, or there are not ten classes.
    """
    _check_classes("fashion_mnist", folder, read_idx_files(pathlib.Path(folder)).classes, 10)
    return _task("vit_fashion", Sizes(folder, 10, 56, 500, 300, 16, 15, 4), weights)


def textile_task(folder: str, weights: str) -> Task:
    """All of a vision transformer from real weights, on the pictures of conformal-clip-data.

    Raises:
      FileNotFoundError: there is no such folder.
      ValueError: it does not hold three classes.
    """
    _check_classes("textile", folder, find_class_files(folder).classes, 3)
    sizes = Sizes(folder, 3, 84, 400, 200, 16, 12, 4, heldout_fraction=_HELDOUT_FRACTION)
    return _task("vit_textile", sizes, weights)


def _check_classes(flag: str, folder: str, classes: Sequence[str], expected: int) -> None:
    if len(classes) != expected:
        raise ValueError(
            f"--{flag} {folder}: expected {expected} classes, received {len(classes)}: "
            f"{', '.join(classes[:5])}"
        )


def _task(name: str, sizes: Sizes, weights: str | None) -> Task:
    settings = VisionSettings(resolution=sizes.resolution, patch_size=sizes.patch_size)
    start = read_starting_point(weights, settings)

    @functools.cache
    def pictures() -> ImageSet:
        return read_images(
            sizes.images,
            resolution=sizes.resolution,
            heldout_fraction=sizes.heldout_fraction,
            max_train=sizes.max_train,
            max_heldout=sizes.max_heldout,
            seed=_DRAWN_WITH,
        )

    def load() -> tuple[Arrays, Arrays]:
        return _arrays(pictures().train, start), _arrays(pictures().heldout, start)

    def data_name() -> str:
        return f"{pictures().sha256()} {start.resolution} {start.normalisation}"

    about = f"{start.origin}, {sizes.resolution} pixels"
    return Task(
        name,
        load,
        _builder(start, sizes.num_classes),
        sizes.batch_size,
        sizes.eval_every_steps,
        sizes.num_evaluations,
        about=about,
        starting_weights=start.sha256(),
        data_name=data_name,
    )


def _arrays(split: Split, start: StartingPoint) -> Arrays:
    """Returns float32 `[count, side, side, 3]`, normalised, and the labels."""
    parts = [
        evaluation_images(rows, start.resolution, start.normalisation).numpy()
        for rows in np.array_split(split.images, -(-len(split) // _CONVERTED_AT_ONCE))
    ]
    return np.concatenate(parts), split.labels


def _builder(start: StartingPoint, num_classes: int) -> Callable[[], keras.Model]:
    """Returns a function that makes the model; random weights are of the generator's seed."""

    def build() -> keras.Model:
        model = ViTClassifier(start.config, num_classes, name="vit")
        model(tf.zeros([1, start.resolution, start.resolution, start.config.channels]))
        if start.weights:
            start.weights.load_into(model)
        return model

    return build
