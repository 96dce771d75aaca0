"""A folder of `mnemosyne prepare-images` to a data set whose pixels stay on disk.

Records hold plain pixels, so any image is read by its offset, when a batch needs it. What the
system keeps of the files in its cache is no memory of this process.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import pathlib
from collections.abc import Sequence

import numpy as np

from data_prep import storage
from data_prep.features import Manifest, load_manifest
from data_prep.images.class_files import HELDOUT, TRAIN
from data_prep.images.records import KIND, ShardIndex, index_shard, read_pixels
from pipeline.vision.images.image_set import ImageSet, Reject, Split

_CHANNELS = 3


@dataclasses.dataclass(frozen=True)
class RecordImages:
    """Images on disk that are indexed like an array uint8 `[count, side, side, 3]`.

    Attributes:
      paths: of the shards.
      indices: of each.
      rows: int64 `[count, 2]`: number of the shard, and of the image in it.
      side: pixels.
    """

    paths: tuple[str, ...]
    indices: tuple[ShardIndex, ...]
    rows: np.ndarray
    side: int

    dtype = np.dtype(np.uint8)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """As of an array."""
        return len(self.rows), self.side, self.side, _CHANNELS

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, numbers) -> np.ndarray:
        """Reads images: one `[side, side, 3]` of a number, `[count, side, side, 3]` of several.

        Raises:
          ValueError: a record is damaged.
        """
        if np.ndim(numbers) == 0:
            return self[[int(numbers)]][0]
        chosen = self.rows[np.asarray(numbers, np.int64)]
        images = np.empty([len(chosen), self.side, self.side, _CHANNELS], np.uint8)
        for shard in np.unique(chosen[:, 0]):
            with open(self.paths[shard], "rb") as stream:
                for i in np.flatnonzero(chosen[:, 0] == shard):
                    images[i] = read_pixels(stream, self.indices[shard], chosen[i, 1], self.side)
        return images

    def taken(self, rows: np.ndarray) -> RecordImages:
        """Returns some of the images, in this order; nothing is read."""
        return dataclasses.replace(self, rows=self.rows[rows])


def is_image_records(folder: pathlib.Path) -> bool:
    """Says whether a folder holds records, finished or not, and no class folders."""
    return any(folder.glob("*.tfrecord*")) or (folder / ".job").is_dir()


def read_image_records(folder: pathlib.Path) -> ImageSet:
    """Finds the images of all shards.

    Raises:
      FileNotFoundError: the folder is not finished, or a shard is missing.
      ValueError: it holds no images, or a shard is damaged.
    """
    manifest = load_manifest(os.fspath(folder), KIND)
    train, heldout = (_split(folder, manifest, split) for split in (TRAIN, HELDOUT))
    for split, purpose in ((train, "train on"), (heldout, "judge by")):
        if not len(split):
            raise ValueError(
                f"--images {folder}: expected images to {purpose}, received none. Prepare it again "
                "with another --heldout_fraction"
            )
    return ImageSet(
        name=storage.printable(folder.resolve().name),
        classes=tuple(manifest.settings["classes"]),
        train=train,
        heldout=heldout,
        mirrored=True,
        rejects=_rejects(folder),
        digest=_digest(manifest),
    )


def _split(folder: pathlib.Path, manifest: Manifest, split: str) -> Split:
    side = manifest.settings["side"]
    shards = manifest.splits[split]["shards"]
    paths = tuple(os.fspath(folder / shard["file"]) for shard in shards)
    for path, shard in zip(paths, shards, strict=True):
        if storage.size(path) != shard["bytes_out"]:
            raise ValueError(
                f"{path}: expected {shard['bytes_out']:,} bytes, as when it was written, received "
                f"{storage.size(path):,}. Prepare the folder again."
            )
    indices = tuple(index_shard(path, side) for path in paths)
    rows = [
        np.stack([np.full(len(index.labels), number), np.arange(len(index.labels))], 1)
        for number, index in enumerate(indices)
    ]
    return Split(
        RecordImages(paths, indices, _joined(rows, 2).astype(np.int64), side),
        _joined([index.labels for index in indices]).astype(np.int32),
        tuple(name for index in indices for name in index.names),
    )


def _joined(parts: Sequence[np.ndarray], width: int | None = None) -> np.ndarray:
    return np.concatenate(parts) if parts else np.empty([0, width] if width else [0])


def _rejects(folder: pathlib.Path) -> tuple[Reject, ...]:
    found = []
    for path in sorted((folder / "rejects").glob("*.jsonl")):
        lines = path.read_text(encoding="utf-8").splitlines()
        found += [Reject(**json.loads(line)) for line in lines]
    return tuple(found)


def _digest(manifest: Manifest) -> str:
    """Returns a hash of classes and content by the hashes that the manifest holds."""
    digest = hashlib.sha256("\0".join(manifest.settings["classes"]).encode())
    for split in (TRAIN, HELDOUT):
        for shard in manifest.splits[split]["shards"]:
            digest.update(f"{split} {shard['sha256']}".encode())
    return digest.hexdigest()
