"""The four files of MNIST and Fashion-MNIST: `{train,t10k}-{images-idx3,labels-idx1}-ubyte.gz`.

Source: LeCun, Cortes and Burges, "The MNIST database"; Xiao et al. 2017 (arXiv 1708.07747).
"""

from __future__ import annotations

import gzip
import math
import pathlib
import struct
import zlib

import numpy as np

from data_prep import storage
from pipeline.vision.images.image_set import ImageSet, Split

_SPLITS = {"train": "train", "heldout": "t10k"}
_UBYTE = 0x08
_MOST_BYTES = 8 << 30
_FASHION = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker",
            "Bag", "Ankle boot")  # fmt: skip


def _name(prefix: str, content: str, rank: int) -> str:
    return f"{prefix}-{content}-idx{rank}-ubyte.gz"


IDX_FILES = tuple(
    _name(prefix, content, rank)
    for prefix in _SPLITS.values()
    for content, rank in (("images", 3), ("labels", 1))
)


def has_idx_files(folder: pathlib.Path) -> bool:
    """Says whether a folder holds images in IDX files."""
    return (folder / _name("train", "images", 3)).is_file()


def read_idx_files(folder: pathlib.Path) -> ImageSet:
    """Reads the four files.

    Raises:
      FileNotFoundError: one of them is missing.
      ValueError: one of them is damaged, or images and labels are not as many.
    """
    train, heldout = (_split(folder, prefix) for prefix in _SPLITS.values())
    count = 1 + int(max(train.labels.max(), heldout.labels.max()))
    # The format has no names; the one set with letters is known by its folder.
    name = storage.printable(folder.resolve().name)
    is_fashion = "fashion" in name.lower() and count == len(_FASHION)
    classes = _FASHION if is_fashion else tuple(map(str, range(count)))
    return ImageSet(name, classes, train, heldout, mirrored=is_fashion)


def _split(folder: pathlib.Path, prefix: str) -> Split:
    images = _read(folder / _name(prefix, "images", 3), 3)
    labels = _read(folder / _name(prefix, "labels", 1), 1)
    if len(images) != len(labels) or not len(labels):
        raise ValueError(
            f"{folder}: expected a label for each image of {prefix}, received {len(images):,} "
            f"images and {len(labels):,} labels"
        )
    names = tuple(f"{prefix} {i}" for i in range(len(labels)))
    return Split(images[..., None], labels.astype(np.int32), names)


def _read(path: pathlib.Path, rank: int) -> np.ndarray:
    try:
        with gzip.open(path) as stream:
            zero, kind, dims = struct.unpack(">HBB", stream.read(4))
            if (zero, kind, dims) != (0, _UBYTE, rank):
                raise ValueError(f"a header of bytes {zero}, {kind}, {dims}")
            shape = struct.unpack(f">{rank}I", stream.read(4 * rank))
            size = math.prod(shape)
            if size > _MOST_BYTES:
                raise ValueError(f"a header of {size:,} values")
            # One byte more than the header says: nothing may follow, and a bomb is not unpacked.
            values = stream.read(size + 1)
    except FileNotFoundError:
        raise
    except (OSError, EOFError, ValueError, struct.error, zlib.error) as error:
        raise ValueError(
            f"{path}: expected a gzipped IDX file of {rank} dimensions of bytes, received {error}"
        ) from error
    if len(values) != size:
        raise ValueError(
            f"{path}: expected {size:,} values, as its header says, received "
            f"{'more' if len(values) > size else format(len(values), ',')}"
        )
    return np.frombuffer(values, np.uint8).reshape(shape)
