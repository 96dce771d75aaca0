"""Images in memory to the tensors that a model is given: cropped, mirrored, resized, normalised.

Every random choice is a function of (seed, epoch, number of the image), so that a resumed run
repeats it.
"""

from __future__ import annotations

import concurrent.futures
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from pipeline.vision.images.image_set import Split
from pipeline.vision.settings import COLOUR, CROP, FLIP, NONE
from pipeline.vision.weights.vision_weights import Normalisation

_AREA = (0.35, 1.0)
_ASPECT_RATIO = (3 / 4, 4 / 3)
_JITTER = 0.3


def training_batches(
    split: Split,
    *,
    resolution: int,
    normalisation: Normalisation,
    augmentation: str,
    batch_size: int,
    seed: int,
    epoch: int,
) -> Iterator[tuple[tf.Tensor, tf.Tensor]]:
    """Yields the batches of an epoch: float32 `[batch, side, side, 3]` and int32 `[batch]`.

    The images that fill no batch are others in every epoch.

    Args:
      split: to train on, with at least `batch_size` images.
      resolution: the side, in pixels.
      normalisation: of the pixels.
      augmentation: one of `AUGMENTATIONS`.
      batch_size: images.
      seed, epoch: decide the order and all that is random.

    Raises:
      ValueError, OSError: an image on disk cannot be read.

    Source of the crops: Szegedy et al. 2015 (arXiv 1409.4842), section 6.
    Differs: a crop has at least 35 % of the area, where training from scratch takes 8 %.
    """
    order = np.random.RandomState([seed, epoch]).permutation(len(split))
    num_batches = len(split) // batch_size

    def made(number: int) -> tuple[tf.Tensor, tf.Tensor]:
        rows = order[number * batch_size : (number + 1) * batch_size]
        with tf.device("/CPU:0"):  # an accelerator is left to the step
            images = _augmented(
                tf.constant(split.images[rows]),
                tf.constant(rows, tf.int32),
                tf.constant([seed, epoch], tf.int32),
                augmentation,
                resolution,
                normalisation,
            )
            return images, tf.constant(split.labels[rows], tf.int32)

    # The next batch is made while this one is trained on.
    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        ahead = thread.submit(made, 0)
        for number in range(1, num_batches + 1):
            batch = ahead.result()
            if number < num_batches:
                ahead = thread.submit(made, number)
            yield batch


def evaluation_images(
    images: np.ndarray, resolution: int, normalisation: Normalisation
) -> tf.Tensor:
    """Returns float32 `[count, side, side, 3]`: whole images, resized and normalised.

    Args:
      images: uint8 `[count, height, width, channels]`, of 1 or 3 channels.
      resolution: the side, in pixels.
      normalisation: of the pixels.
    """
    resized = _resized(tf.cast(images, tf.float32), resolution)
    return normalised(resized, normalisation)


def normalised(
    images: tf.Tensor, normalisation: Normalisation, mirrored: tf.Tensor | None = None
) -> tf.Tensor:
    """Returns `[..., width, 3]` of pixels from 0 to 255; grey images three times.

    Args:
      images: float32 `[..., width, channels]`.
      normalisation: of the pixels.
      mirrored: bool `[...]` that broadcasts with `images`: which ones to mirror, or None.
    """
    numbers = 255.0, normalisation.mean, normalisation.deviation
    return _normalised(images, mirrored, *(tf.constant(each, tf.float32) for each in numbers))


# In one pass, where operations one by one take three. What is divided by is an argument: XLA
# multiplies by the inverse of a constant, which is another rounding.
@tf.function(jit_compile=True)
def _normalised(images, mirrored, full, mean, deviation):
    if mirrored is not None:
        images = tf.where(mirrored, tf.reverse(images, [-2]), images)
    if images.shape[-1] == 1:
        images = tf.image.grayscale_to_rgb(images)
    return (images / full - mean) / deviation


# Traced once for all epochs: tracing takes as long as several batches.
@tf.function
def _augmented(images, numbers, seeds, augmentation, resolution, normalisation):
    """Crops, resizes, changes the colours, mirrors and normalises uint8 images.

    Images are normalised and mirrored together, since each pass over a batch takes time.
    """

    def one(pair):
        image, number = pair
        key = tf.random.fold_in(seeds, number)
        if augmentation != NONE:
            image = _part(image, key)
        image = _resized(tf.cast(image, tf.float32), resolution)
        if augmentation == COLOUR:
            image = _recoloured(image, key)
        # As `tf.image.stateless_random_flip_left_right` draws it.
        return image, tf.random.stateless_uniform([1, 1, 1], key + 1) < 0.5

    spec = (
        tf.TensorSpec([resolution, resolution, images.shape[-1]], tf.float32),
        tf.TensorSpec([1, 1, 1], tf.bool),
    )
    changed, mirrored = tf.map_fn(one, (images, numbers), fn_output_signature=spec)
    if augmentation not in (FLIP, COLOUR):
        mirrored = None
    return normalised(changed, normalisation, mirrored)


def _part(image, key):
    begin, size, _ = tf.image.stateless_sample_distorted_bounding_box(
        tf.shape(image),
        bounding_boxes=tf.constant([[[0.0, 0.0, 1.0, 1.0]]]),
        seed=key,
        min_object_covered=0.0,
        aspect_ratio_range=_ASPECT_RATIO,
        area_range=_AREA,
        use_image_if_no_bounding_boxes=True,
    )
    # A slice of unknown size loses the number of channels, by which colours are changed.
    return tf.ensure_shape(tf.slice(image, begin, size), [None, None, image.shape[-1]])


def _recoloured(image, key):
    image = image / 255.0
    image = tf.image.stateless_random_brightness(image, _JITTER, key + 2)
    image = tf.image.stateless_random_contrast(image, 1 - _JITTER, 1 + _JITTER, key + 3)
    if image.shape[-1] == 3:
        image = tf.image.stateless_random_saturation(image, 1 - _JITTER, 1 + _JITTER, key + 4)
    return 255.0 * tf.clip_by_value(image, 0.0, 1.0)


def _resized(images, resolution: int):
    """Resizes float32 images, smoothed where a side shrinks."""
    # `tf.image.resize` takes five times as long with `antialias`, which changes nothing in images
    # that are enlarged.
    shrinks = tf.reduce_any(tf.shape(images)[-3:-1] > resolution)
    sides = [resolution, resolution]
    return tf.cond(
        shrinks,
        lambda: tf.image.resize(images, sides, antialias=True),
        lambda: tf.image.resize(images, sides),
    )


def default_augmentation(*, mirrored: bool) -> str:
    """What suits images of which a mirror changes the meaning, or does not."""
    return FLIP if mirrored else CROP
