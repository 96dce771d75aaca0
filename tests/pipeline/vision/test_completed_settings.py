"""What a run writes down as its settings: what is true of it, and nothing else."""

import dataclasses

import pytest
from foreign_vit import Foreign

from pipeline.vision.finetune import complete
from pipeline.vision.images.sources import read_images
from pipeline.vision.settings import VisionSettings
from pipeline.vision.starting_point import read_starting_point

RANDOM = VisionSettings(resolution=16)


@pytest.fixture
def weights(tmp_path):
    return str(Foreign("dinov2").save(tmp_path / "hf"))


def completed(settings, images, weights=None):
    start = read_starting_point(weights, settings)
    return complete(settings, start, read_images(str(images), resolution=start.resolution))


def test_a_size_is_that_of_random_weights():
    assert completed(RANDOM, "digits").size == "Ti/16"
    assert completed(dataclasses.replace(RANDOM, size="S/16"), "digits").size == "S/16"


def test_weights_of_elsewhere_have_no_such_size(weights):
    assert completed(VisionSettings(), "digits", weights).size is None


def test_a_layer_decay_is_that_of_its_mode(weights):
    assert completed(VisionSettings(), "digits", weights).layer_decay is None
    by_layer = VisionSettings(mode="layer_decay")
    assert completed(by_layer, "digits", weights).layer_decay == 0.75


def test_what_files_were_read_with_is_that_of_class_folders(weights, colour_folder):
    found = completed(VisionSettings(), colour_folder, weights)
    assert (found.heldout_fraction, found.max_pixels) == (0.2, 89_478_485)
    found = completed(VisionSettings(), "digits", weights)
    assert (found.heldout_fraction, found.max_pixels) == (None, None)
