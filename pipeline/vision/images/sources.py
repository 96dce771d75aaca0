"""What `--images` names, to a data set: records, a folder of classes, IDX files, or a word."""

from __future__ import annotations

import pathlib

import numpy as np

from pipeline.vision.images.class_folders import read_class_folders
from pipeline.vision.images.idx_files import has_idx_files, read_idx_files
from pipeline.vision.images.image_records import is_image_records, read_image_records
from pipeline.vision.images.image_set import ImageSet, Split

DIGITS = "digits"
# Images in memory are so much larger than what the model sees: room for crops.
ROOM_FOR_CROPS = 8 / 7


def read_images(
    source: str,
    *,
    resolution: int,
    heldout_fraction: float | None = None,
    max_pixels: int | None = None,
    max_train: int = 0,
    max_heldout: int = 0,
    seed: int = 0,
) -> ImageSet:
    """Reads a data set.

    Args:
      source: "digits", or a folder of records, of IDX files or of class folders.
      resolution: pixels of a side that the model is given.
      heldout_fraction: of class folders without a `test`; None for the default.
      max_pixels: of an image file; None for the default.
      max_train, max_heldout: images, drawn with `seed`; 0 for all.
      seed: of what is drawn.

    Raises:
      FileNotFoundError: there is no such folder, or a file is missing.
      ValueError: it holds no data set, or a setting has no effect on it.
    """
    drawn = {"max_train": max_train, "max_heldout": max_heldout, "seed": seed}
    of_files = {"heldout_fraction": heldout_fraction, "max_pixels": max_pixels}
    folder = pathlib.Path(source)
    if source != DIGITS and not folder.is_dir():
        raise FileNotFoundError(
            f"--images {source}: expected '{DIGITS}' or a folder (of records, of class folders, "
            "or of the IDX files of Fashion-MNIST), but there is no such folder"
        )
    if source == DIGITS:
        data = _digits()
    elif has_idx_files(folder):
        data = read_idx_files(folder)
    elif is_image_records(folder):
        data = read_image_records(folder)
    else:
        side = round(ROOM_FOR_CROPS * resolution)
        return read_class_folders(folder, side=side, **of_files, **drawn)
    for name, value in of_files.items():
        if value is not None:
            raise ValueError(
                f"--{name}: expected none, since --images {source} is no folder of class folders, "
                f"received {value}"
            )
    return data.drawn(**drawn)


def _digits() -> ImageSet:
    """scikit-learn's 1,797 digits of 8 by 8; every fifth is held out."""
    import sklearn.datasets

    digits = sklearn.datasets.load_digits()
    images = np.round(digits.images * (255 / 16)).astype(np.uint8)[..., None]
    labels = digits.target.astype(np.int32)
    numbers = np.arange(len(labels))

    def split(rows):
        names = tuple(f"digit {i}" for i in numbers[rows])
        return Split(images[rows], labels[rows], names)

    classes = tuple(map(str, range(10)))
    train, heldout = split(numbers % 5 != 0), split(numbers % 5 == 0)
    return ImageSet("scikit-learn digits", classes, train, heldout, mirrored=False)
