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
_ROOM_FOR_CROPS = 8 / 7


def read_images(
    source: str, *, resolution: int, heldout_fraction: float, max_pixels: int
) -> ImageSet:
    """Reads a data set.

    Args:
      source: "digits", or a folder of records, of IDX files or of class folders.
      resolution: pixels of a side that the model is given.
      heldout_fraction: of class folders without a `test`.
      max_pixels: of an image file.

    Raises:
      FileNotFoundError: there is no such folder, or a file is missing.
      ValueError: it holds no data set.
    """
    if source == DIGITS:
        return _digits()
    folder = pathlib.Path(source)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"--images {source}: expected '{DIGITS}' or a folder (of records, of class folders, "
            "or of the IDX files of Fashion-MNIST), but there is no such folder"
        )
    if has_idx_files(folder):
        return read_idx_files(folder)
    if is_image_records(folder):
        return read_image_records(folder)
    return read_class_folders(
        folder,
        side=round(_ROOM_FOR_CROPS * resolution),
        heldout_fraction=heldout_fraction,
        max_pixels=max_pixels,
    )


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
