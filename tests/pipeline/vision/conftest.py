"""Folders of little images, and a little model of elsewhere."""

import numpy as np
import pytest
from foreign_vit import Foreign
from PIL import Image

COLOURS = {"blue": (20, 40, 220), "red": (220, 30, 10)}


def write_classes(folder, count, seed=0):
    """Writes `count` noisy squares of each colour."""
    rng = np.random.default_rng(seed)
    for name, colour in COLOURS.items():
        (folder / name).mkdir(parents=True)
        for i in range(count):
            noise = rng.integers(-20, 20, (9, 12, 3))
            pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{i}.png")
    return folder


@pytest.fixture
def colour_folder(tmp_path):
    """Two classes of ten images each."""
    return write_classes(tmp_path / "colours", 10)


@pytest.fixture
def foreign():
    """The class of little models in Hugging Face's layouts."""
    return Foreign
