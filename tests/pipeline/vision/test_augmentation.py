import numpy as np
import pytest
import tensorflow as tf
from numeric_bounds import rounding

from pipeline.vision.augmentation import evaluation_images, normalised, training_batches
from pipeline.vision.images.image_set import Split
from pipeline.vision.settings import AUGMENTATIONS
from pipeline.vision.weights.vision_weights import HALF, IMAGENET, Normalisation


def split(count=6, side=8, channels=3):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (count, side, side, channels), np.uint8)
    return Split(images, np.arange(count, dtype=np.int32), tuple(map(str, range(count))))


def batches(augmentation="none", epoch=0, seed=0, batch_size=2, **of_split):
    found = training_batches(
        split(**of_split),
        resolution=8,
        normalisation=HALF,
        augmentation=augmentation,
        batch_size=batch_size,
        seed=seed,
        epoch=epoch,
    )
    return [(images.numpy(), labels.numpy()) for images, labels in found]


def image_by_image(image, number, seed, epoch, augmentation, resolution):
    """What an image becomes, in operations of `tf.image` on it alone."""
    key = tf.random.fold_in(tf.constant([seed, epoch]), number)
    if augmentation != "none":
        begin, size, _ = tf.image.stateless_sample_distorted_bounding_box(
            image.shape,
            tf.constant([[[0.0, 0.0, 1.0, 1.0]]]),
            seed=key,
            min_object_covered=0.0,
            aspect_ratio_range=(3 / 4, 4 / 3),
            area_range=(0.35, 1.0),
        )
        image = tf.slice(image, begin, size)
    image = tf.image.resize(image, [resolution, resolution], antialias=True)
    if augmentation in ("flip", "colour"):
        image = tf.image.stateless_random_flip_left_right(image, key + 1)
    if augmentation == "colour":
        image = tf.image.stateless_random_brightness(image / 255.0, 0.3, key + 2)
        image = tf.image.stateless_random_contrast(image, 0.7, 1.3, key + 3)
        image = tf.image.stateless_random_saturation(image, 0.7, 1.3, key + 4)
        image = 255.0 * tf.clip_by_value(image, 0.0, 1.0)
    return (image / 255.0 - IMAGENET.mean) / IMAGENET.deviation


# Of 20 pixels, some crops are enlarged to 16, some shrink, some do one in each direction.
@pytest.mark.parametrize("augmentation", AUGMENTATIONS)
def test_a_batch_is_what_its_images_become_one_by_one(augmentation):
    side, resolution = 20, 16
    given = split(count=16, side=side)
    found = training_batches(
        given,
        resolution=resolution,
        normalisation=IMAGENET,
        augmentation=augmentation,
        batch_size=8,
        seed=3,
        epoch=2,
    )
    # A place in the image is up to `side`, of four roundings, in each of two directions; from one
    # pixel to the next, values change by up to 1. Ten more roundings of values up to 1.
    bound = 2 * side * rounding(4) + rounding(10)
    if augmentation == "colour":
        # Its mean is a sum of all pixels. Contrast adds up to 1.3 times an error and 0.3 times
        # that of the mean; saturation moves a channel by that of three channels, up to 1.3 times.
        bound = 1.6 * 3 * 1.3 * (bound + rounding(resolution**2))
    bound = 2 * bound / min(IMAGENET.deviation)  # both sides are rounded
    for images, labels in found:
        for image, number in zip(images, labels, strict=True):
            expected = image_by_image(given.images[number], number, 3, 2, augmentation, resolution)
            np.testing.assert_allclose(image, expected, rtol=0, atol=bound)


def test_later_epochs_build_no_graph(monkeypatch):
    # Its Python is called when a graph is built.
    calls, sample = [], tf.image.stateless_sample_distorted_bounding_box

    def counted(*args, **kwargs):
        calls.append(args)
        return sample(*args, **kwargs)

    monkeypatch.setattr(tf.image, "stateless_sample_distorted_bounding_box", counted)
    # A side of no other test: its graph is not there yet.
    counts = [len(batches("crop", epoch=epoch, side=11) and calls) for epoch in range(3)]
    assert 0 < counts[0] == counts[1] == counts[2]


def test_the_error_of_an_image_on_disk_is_the_readers_own():
    class Damaged:
        shape = (6, 8, 8, 3)

        def __getitem__(self, rows):
            raise ValueError("another checksum")

    damaged = Split(Damaged(), np.arange(6, dtype=np.int32), tuple("abcdef"))
    with pytest.raises(ValueError, match="^another checksum$"):
        next(
            training_batches(
                damaged,
                resolution=8,
                normalisation=HALF,
                augmentation="flip",
                batch_size=2,
                seed=0,
                epoch=0,
            )
        )


def test_an_epoch_holds_every_image_once_in_an_order_of_its_own():
    labels = [np.concatenate([labels for _, labels in batches(epoch=epoch)]) for epoch in (0, 1)]
    assert sorted(labels[0]) == sorted(labels[1]) == list(range(6))
    assert list(labels[0]) != list(labels[1])


def test_without_augmentation_images_are_as_they_are():
    for images, labels in batches():
        expected = normalised(np.float32(split().images[labels]), HALF)
        # A quotient, a difference and a quotient of values up to 2, in either order.
        np.testing.assert_allclose(images, expected, rtol=0, atol=2 * rounding(6))


@pytest.mark.parametrize("augmentation", AUGMENTATIONS[1:])
def test_augmented_images_are_others_in_every_epoch_and_repeatable(augmentation):
    one, same, later = (batches(augmentation, epoch=epoch) for epoch in (0, 0, 1))
    for (images, _), (again, _) in zip(one, same, strict=True):
        np.testing.assert_array_equal(images, again)
        assert images.shape == (2, 8, 8, 3)
        assert np.isfinite(images).all()
    by_label = [
        {
            label: image
            for images, labels in found
            for label, image in zip(labels, images, strict=True)
        }
        for found in (one, later)
    ]
    assert any((by_label[0][label] != by_label[1][label]).any() for label in range(6))


def test_pixels_stay_within_their_range():
    for images, _ in batches("colour"):
        # 0 and 255 become -1 and 1; bilinear resizing does not overshoot.
        assert np.abs(images).max() <= 1 + rounding(16)


def test_grey_images_become_three_equal_channels():
    ((images, _), *_) = batches("colour", channels=1)
    assert images.shape == (2, 8, 8, 3)
    np.testing.assert_array_equal(images[..., 0], images[..., 2])


def test_each_channel_has_its_own_normalisation():
    found = normalised(np.full((1, 1, 3), 255.0, np.float32), Normalisation((0, 0.5, 1), (1, 2, 4)))
    np.testing.assert_array_equal(found, [[[1.0, 0.25, 0.0]]])


def test_images_to_judge_by_are_whole():
    images = np.zeros((1, 8, 16, 3), np.uint8)
    images[:, :, 8:] = 255
    found = evaluation_images(images, 2, HALF)
    assert found[0, 0, 0, 0] < -0.5 < 0.5 < found[0, 0, 1, 0]


def test_colour_changes_the_saturation():
    # Of an image of one colour, brightness and contrast leave the differences between channels;
    # from 90 to 150, a change of 0.3 * 255 cuts nothing off.
    images = np.tile(np.uint8([90, 120, 150]), (6, 8, 8, 1))
    constant = Split(images, np.arange(6, dtype=np.int32), tuple("abcdef"))
    ((found, _),) = training_batches(
        constant,
        resolution=8,
        normalisation=HALF,
        augmentation="colour",
        batch_size=6,
        seed=0,
        epoch=0,
    )
    differences = (found[..., 2] - found[..., 0]).numpy()
    # HALF divides by 127.5. Saturation changes a difference by up to 30 %.
    assert np.abs(differences - 60 / 127.5).max() > 0.01
