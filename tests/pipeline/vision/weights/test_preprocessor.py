import json

import pytest

from pipeline.vision.weights.preprocessor import read_normalisation
from pipeline.vision.weights.vision_weights import HALF, Normalisation


def read(folder, **settings):
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    return read_normalisation(folder, HALF)


def test_a_folder_without_the_file_has_the_default(tmp_path):
    assert read_normalisation(tmp_path, HALF) == HALF


def test_what_the_file_does_not_say_is_the_default(tmp_path):
    assert read(tmp_path) == HALF
    found = read(tmp_path, image_mean=[0.1, 0.2, 0.3], image_std=None)
    assert found == Normalisation((0.1, 0.2, 0.3), (0.5, 0.5, 0.5))


def test_a_number_counts_for_every_channel(tmp_path):
    assert read(tmp_path, image_mean=0.25, image_std=2) == Normalisation((0.25,) * 3, (2.0,) * 3)


def test_pixels_that_are_not_normalised_are_scaled_alone(tmp_path):
    found = read(tmp_path, do_normalize=False, image_mean=[0.1] * 3, image_std=[0.2] * 3)
    assert found == Normalisation((0.0,) * 3, (1.0,) * 3)


def test_the_usual_factor_changes_nothing(tmp_path):
    assert read(tmp_path, rescale_factor=0.00392156862745098) == HALF


@pytest.mark.parametrize("settings", [{"do_rescale": False}, {"rescale_factor": 1}])
def test_pixels_up_to_255_have_means_of_that_size(tmp_path, settings):
    found = read(tmp_path, image_mean=[0, 51, 255], image_std=255, **settings)
    assert found == Normalisation((0.0, 0.2, 1.0), (1.0,) * 3)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"image_mean": "0.5"}, "expected image_mean to be a number or 3 numbers, received '0.5'"),
        ({"image_mean": [0.5]}, r"image_mean .* received \[0.5\]"),
        ({"image_std": [0.5, None, 1]}, "image_std to be a number"),
        ({"image_std": True}, "image_std to be a number"),
        ({"image_std": 0}, "expected image_std above 0, received 0"),
        ({"rescale_factor": 0}, "expected rescale_factor above 0, received 0"),
        ({"rescale_factor": None}, "expected rescale_factor above 0, received None"),
    ],
)
def test_other_values_are_refused_with_the_file(tmp_path, settings, named):
    with pytest.raises(ValueError, match=f"preprocessor_config.json: .*{named}"):
        read(tmp_path, **settings)
