"""The settings of one folder of image records."""

from __future__ import annotations

import dataclasses

from data_prep.images.class_files import HELDOUT, TRAIN, ClassFile
from data_prep.job.manifest import IMAGES
from data_prep.settings import FolderSettings, is_heldout, setting

# What Pillow warns of, and twice that, what it refuses.
PILLOW_WARNS, PILLOW_REFUSES = 89_478_485, 178_956_970
_MOST_SHARDS = 99_999
_LARGEST_SIDE = 4_096


@dataclasses.dataclass(frozen=True)
class ImageRecordSettings(FolderSettings):
    """The settings that shape image records.

    Raises:
      ValueError: a number is out of its range.
    """

    side: int = setting(256, "pixels of a side of the squares; 8 / 7 of --resolution leave room")
    heldout_fraction: float = setting(
        0.2, "of the images to judge by, by the hash of their content, where there is no 'test'"
    )
    num_shards: int = setting(
        8, "shards of the training split; the held-out split has its fraction of them"
    )
    random_seed: int = setting(12345, "decides the shard of an image and its turn there")
    max_pixels: int = setting(
        PILLOW_WARNS, "an image file with more is not decoded but rejected, by its header"
    )

    def __post_init__(self) -> None:
        _check("side", self.side, 1, _LARGEST_SIDE)
        _check("heldout_fraction", self.heldout_fraction, 0, 0.9)
        _check("num_shards", self.num_shards, 1, _MOST_SHARDS)
        _check("random_seed", self.random_seed, 0, 2**63 - 1)
        _check("max_pixels", self.max_pixels, 1, PILLOW_REFUSES)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageFolderSettings(ImageRecordSettings):
    """The settings of one folder of image records, as its manifest states them.

    Attributes:
      input: the folder of images.
      input_digest: SHA-256 over names, sizes and labels of its files.
      classes: their names, in the order of their labels.
      kind: of the records.
    """

    input: str
    input_digest: str
    classes: tuple[str, ...]
    kind: str = IMAGES

    def block_of_image(self, file: ClassFile, digest: bytes) -> str:
        """Returns the block an image belongs to: by its folder, or by its content alone.

        Args:
          file: which it is.
          digest: of the content of the file.
        """
        decided = HELDOUT if is_heldout(digest, self.heldout_fraction) else TRAIN
        return self.key_of(file.split or decided, digest)


def _check(name: str, value: float, lowest: float, highest: float) -> None:
    if not lowest <= value <= highest:
        raise ValueError(f"--{name}: expected {lowest:,} to {highest:,}, received {value:,}")
