"""Images to train on and images to judge by, as arrays in memory or records on disk."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping

import numpy as np


@dataclasses.dataclass(frozen=True)
class Reject:
    """A file that could not be used.

    Attributes:
      file: its path below the folder of images.
      reason: one of a few words, to be counted.
      detail: what was found, in words.
    """

    file: str
    reason: str
    detail: str


def drawn_rows(total: int, count: int, seed: int) -> np.ndarray:
    """Returns at most `count` of the rows 0 to `total` - 1, in order; all of them for 0."""
    if not count or count >= total:
        return np.arange(total)
    return np.sort(np.random.default_rng(seed).permutation(total)[:count])


@dataclasses.dataclass(frozen=True)
class Split:
    """Labelled images.

    Attributes:
      images: uint8 `[count, height, width, channels]`, of 1 or 3 channels; an array, or what is
        indexed like one.
      labels: int32 `[count]`.
      names: what to call each image: a path below the folder, or a number.
    """

    images: np.ndarray
    labels: np.ndarray
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def drawn(self, count: int, seed: int) -> Split:
        """Returns at most `count` images, drawn with the seed; all of them for 0."""
        if not count or count >= len(self):
            return self
        rows = drawn_rows(len(self), count, seed)
        # Images on disk stay there.
        images = self.images.taken(rows) if self.is_on_disk else self.images[rows]
        return Split(images, self.labels[rows], tuple(self.names[i] for i in rows))

    @property
    def is_on_disk(self) -> bool:
        """Whether the images are read when they are indexed."""
        return not isinstance(self.images, np.ndarray)


@dataclasses.dataclass(frozen=True)
class ImageSet:
    """A data set.

    Attributes:
      name: of it, in words.
      classes: their names, in the order of their labels.
      train: to train on.
      heldout: to judge by.
      mirrored: whether an image means the same in a mirror.
      rejects: files that could not be used.
      digest: SHA-256 of all content where that is known without reading it.
      settings: of the reader that shaped it, by name.
    """

    name: str
    classes: tuple[str, ...]
    train: Split
    heldout: Split
    mirrored: bool
    rejects: tuple[Reject, ...] = ()
    digest: str = ""
    settings: Mapping[str, float] = dataclasses.field(default_factory=dict)

    def sha256(self) -> str:
        """Returns the hexadecimal SHA-256 of classes, images and labels."""
        if self.digest:
            return self.digest
        digest = hashlib.sha256("\0".join(self.classes).encode())
        for split in (self.train, self.heldout):
            for array in (split.images, split.labels):
                digest.update(str(array.shape).encode())
                digest.update(np.ascontiguousarray(array))
        return digest.hexdigest()

    def drawn(self, max_train: int, max_heldout: int, seed: int) -> ImageSet:
        """Returns the set with at most so many images of each split; 0 for all."""
        return dataclasses.replace(
            self,
            train=self.train.drawn(max_train, seed),
            heldout=self.heldout.drawn(max_heldout, seed),
        )
