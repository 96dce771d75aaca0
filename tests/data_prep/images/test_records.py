"""Image records against TensorFlow's own reader."""

import numpy as np
import pytest
import tensorflow as tf

from data_prep.examples.tfrecord_encoding import framed
from data_prep.images.records import encode_image, index_shard, read_pixels

SIDE = 5
NAMES = ("red/a.png", "blue/" + "ü" * 100 + ".png", "green/\udcff.png")


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE, 3)).astype(np.uint8)


@pytest.fixture
def shard(tmp_path, images):
    path = tmp_path / "train.tfrecord"
    rows = zip(images, (2, 0, 300), NAMES, strict=True)
    path.write_bytes(b"".join(framed(encode_image(*row)) for row in rows))
    return path


def test_tensorflow_reads_what_was_written(shard, images):
    features = {
        "image": tf.io.FixedLenFeature([], tf.string),
        "label": tf.io.FixedLenFeature([], tf.int64),
        "name": tf.io.FixedLenFeature([], tf.string),
    }
    records = list(tf.data.TFRecordDataset(str(shard)))
    for record, image, label in zip(records, images, (2, 0, 300), strict=True):
        parsed = tf.io.parse_single_example(record, features)
        pixels = tf.reshape(tf.io.decode_raw(parsed["image"], tf.uint8), [SIDE, SIDE, 3])
        np.testing.assert_array_equal(pixels, image)
        assert int(parsed["label"]) == label
    assert parsed["name"].numpy() == b"green/\xff.png"


def test_any_image_is_read_by_its_place(shard, images):
    index = index_shard(str(shard), SIDE)
    assert index.labels.tolist() == [2, 0, 300]
    assert index.names == NAMES
    with open(shard, "rb") as stream:
        for row in (2, 0, 1):
            np.testing.assert_array_equal(read_pixels(stream, index, row, SIDE), images[row])


def test_one_changed_bit_of_a_record_is_found(shard):
    index = index_shard(str(shard), SIDE)
    content = bytearray(shard.read_bytes())
    content[index.pixels[1] + 7] ^= 1
    shard.write_bytes(content)
    with open(shard, "rb") as stream:
        read_pixels(stream, index, 0, SIDE)
        with pytest.raises(ValueError, match="the file is damaged"):
            read_pixels(stream, index, 1, SIDE)


@pytest.mark.parametrize("damage", [lambda x: x[:-1], lambda x: x[:40], lambda x: x + b"rest"])
def test_a_shard_that_is_not_whole_is_refused(shard, damage):
    shard.write_bytes(damage(shard.read_bytes()))
    with pytest.raises(ValueError, match="expected records of images of 5 x 5"):
        index_shard(str(shard), SIDE)


def test_images_of_another_side_are_refused(shard):
    with pytest.raises(ValueError, match="expected records of images of 4 x 4"):
        index_shard(str(shard), 4)
