"""Records on disk against the same images in memory."""

import numpy as np
import pytest
from PIL import Image

from data_prep import prepare_images
from pipeline.vision.augmentation import training_batches
from pipeline.vision.images.class_folders import read_class_folders
from pipeline.vision.images.image_records import read_image_records
from pipeline.vision.images.image_set import Split
from pipeline.vision.images.sources import read_images
from pipeline.vision.weights.vision_weights import HALF

SIDE = 4


@pytest.fixture
def records(tmp_path, colour_folder):
    (colour_folder / "red" / "notes.txt").write_text("not an image")
    flags = ["--images", str(colour_folder), "--output", str(tmp_path / "records")]
    flags += ["--side", str(SIDE), "--num_shards", "2", "--heldout_fraction", "0.3"]
    assert prepare_images.main(flags) == 0
    return tmp_path / "records"


def test_images_on_disk_are_those_of_the_folder(records, colour_folder):
    found = read_images(str(records), resolution=4)
    memory = read_class_folders(colour_folder, side=SIDE)
    assert found.classes == memory.classes
    assert [each.file for each in found.rejects] == ["red/notes.txt"]
    expected = {
        name: (image.tobytes(), label)
        for split in (memory.train, memory.heldout)
        for name, image, label in zip(split.names, split.images, split.labels, strict=True)
    }
    seen = {}
    for split in (found.train, found.heldout):
        assert split.is_on_disk
        images = split.images[np.arange(len(split))]
        assert images.shape == split.images.shape
        for name, image, label in zip(split.names, images, split.labels, strict=True):
            seen[name] = (image.tobytes(), label)
    assert seen == expected


def test_batches_from_disk_are_those_from_memory(records):
    train = read_image_records(records).train
    memory = Split(train.images[np.arange(len(train))], train.labels, train.names)
    settings = {"resolution": 4, "normalisation": HALF, "augmentation": "colour", "epoch": 1}
    found, expected = (
        list(training_batches(split, batch_size=3, seed=0, **settings)) for split in (train, memory)
    )
    assert len(found) == len(train) // 3
    for ours, theirs in zip(found, expected, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one, other)


def test_what_is_drawn_stays_on_disk(records):
    train = read_image_records(records).train
    drawn = train.drawn(5, seed=0)
    assert drawn.is_on_disk and len(drawn) == len(drawn.images) == 5
    number = train.names.index(drawn.names[3])
    np.testing.assert_array_equal(drawn.images[3], train.images[number])


def test_a_shard_of_another_length_is_refused(records):
    path = sorted(records.glob("train*"))[0]
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match="as when it was written"):
        read_image_records(records)


def test_a_folder_that_is_not_finished_is_refused(records):
    (records / "COMPLETED").unlink()
    with pytest.raises(FileNotFoundError, match="expected a finished folder of records"):
        read_images(str(records), resolution=4)


def test_other_images_have_another_hash(tmp_path, records, colour_folder):
    before = read_image_records(records).sha256()
    Image.new("RGB", (8, 8), "green").save(colour_folder / "red" / "new.png")
    flags = ["--images", str(colour_folder), "--output", str(tmp_path / "again"), "--side", "4"]
    assert prepare_images.main([*flags, "--num_shards", "2", "--heldout_fraction", "0.3"]) == 0
    assert read_image_records(tmp_path / "again").sha256() != before


def test_a_damaged_record_is_an_error_that_names_it_in_training_too(records):
    train = read_image_records(records).train
    shard = sorted(records.glob("train*"))[0]
    content = bytearray(shard.read_bytes())
    content[int(train.images.indices[0].pixels[0])] ^= 1
    shard.write_bytes(content)
    settings = {"resolution": 4, "normalisation": HALF, "augmentation": "none"}
    with pytest.raises(ValueError, match="expected the record at byte .* as it was written"):
        list(training_batches(train, batch_size=3, seed=0, epoch=0, **settings))
