"""Images in memory to the tensors that a model is given: cropped, mirrored, resized, normalised.

Every random choice is a function of (seed, epoch, number of the image), so that a resumed run
repeats it.
"""

from __future__ import annotations

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

    failures = []

    def rows():
        for start in range(0, len(order) - batch_size + 1, batch_size):
            batch = order[start : start + batch_size]
            try:
                images = split.images[batch]
            except (ValueError, OSError) as error:
                failures.append(error)
                raise
            yield images, batch.astype(np.int32), split.labels[batch]

    def prepare(images, numbers, labels):
        def one(pair):
            image, number = pair
            key = tf.random.fold_in(tf.constant([seed, epoch], tf.int32), number)
            return _augmented(image, key, augmentation, resolution)

        spec = tf.TensorSpec([resolution, resolution, images.shape[-1]], tf.float32)
        changed = tf.map_fn(one, (images, numbers), fn_output_signature=spec)
        return normalised(changed, normalisation), labels

    signature = (
        tf.TensorSpec([batch_size, *split.images.shape[1:]], tf.uint8),
        tf.TensorSpec([batch_size], tf.int32),
        tf.TensorSpec([batch_size], tf.int32),
    )
    dataset = tf.data.Dataset.from_generator(rows, output_signature=signature)
    try:
        yield from dataset.map(prepare).prefetch(1)
    except tf.errors.OpError:
        if failures:  # tf.data puts an error of its own in the place of this one
            raise failures[0] from None
        raise


def evaluation_images(
    images: np.ndarray, resolution: int, normalisation: Normalisation
) -> tf.Tensor:
    """Returns float32 `[count, side, side, 3]`: whole images, resized and normalised.

    Args:
      images: uint8 `[count, height, width, channels]`, of 1 or 3 channels.
      resolution: the side, in pixels.
      normalisation: of the pixels.
    """
    return normalised(_resized(tf.cast(images, tf.float32), resolution), normalisation)


def normalised(images: tf.Tensor, normalisation: Normalisation) -> tf.Tensor:
    """Returns `[..., 3]` of pixels from 0 to 255; grey images three times."""
    if images.shape[-1] == 1:
        images = tf.image.grayscale_to_rgb(images)
    return (images / 255.0 - normalisation.mean) / normalisation.deviation


def _augmented(image, key, augmentation: str, resolution: int):
    """Crops, mirrors and changes the colours of one uint8 image `[height, width, channels]`."""
    image = tf.cast(image, tf.float32)
    if augmentation != NONE:
        image = _part(image, key)
    image = _resized(image, resolution)
    if augmentation in (FLIP, COLOUR):
        image = tf.image.stateless_random_flip_left_right(image, key + 1)
    if augmentation == COLOUR:
        image = _recoloured(image, key)
    return image


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
    return tf.image.resize(images, [resolution, resolution], antialias=True)


def default_augmentation(*, mirrored: bool) -> str:
    """What suits images of which a mirror changes the meaning, or does not."""
    return FLIP if mirrored else CROP
