"""A folder of class folders to a data set: `DIR/CLASS/image.jpg`, or with `train` and `test`."""

from __future__ import annotations

import concurrent.futures
import hashlib
import os
import pathlib
import sys
import warnings
from collections.abc import Iterator, Sequence

import numpy as np
from tqdm import tqdm

from data_prep import storage
from data_prep.images.class_files import SPLITS, ClassFile, ClassFiles, find_class_files
from data_prep.images.image_file import RejectedImage, open_image, read_square
from pipeline.vision.images.image_set import ImageSet, Reject, Split

Files = Sequence[ClassFile]


def read_class_folders(
    folder: pathlib.Path, *, side: int, heldout_fraction: float, max_pixels: int
) -> ImageSet:
    """Reads every file below the class folders; what is no usable image becomes a reject.

    Args:
      folder: with a folder for each class, or with `train` and `test` that hold these.
      side: pixels of the squares that are kept in memory.
      heldout_fraction: of the images of each class, where there is no `test`. Which ones follows
        from their content alone, so copies of an image are on the same side.
      max_pixels: of a file.

    Raises:
      ValueError: there are fewer than two classes, a class has no image to train on or none to
        judge by, or the images would not fit into memory.
    """
    found = find_class_files(os.fspath(folder))
    classes = found.classes
    if found.is_parted:
        parts = [[file for file in found.files if file.split == split] for split in SPLITS]
    else:
        parts = _parted(found, heldout_fraction)
    _refuse_too_many(folder, sum(map(len, parts)), side)
    rejects: list[Reject] = []
    train, heldout = (_read(found, files, side, max_pixels, rejects) for files in parts)
    _check_classes(folder, classes, train, heldout, len(rejects))
    return ImageSet(folder.name, classes, train, heldout, True, tuple(rejects))


def _parted(found: ClassFiles, fraction: float) -> tuple[Files, Files]:
    """Parts the files of each class by the hash of their content."""
    train, heldout = [], []
    for label in range(len(found.classes)):
        files = [file for file in found.files if file.label == label]
        own = sorted(((_digest(found.path(file)), file) for file in files), key=_by_digest)
        count = max(1, round(fraction * len(own))) if len(own) > 1 else 0
        # Copies of the last one that is held out are held out, too.
        last = own[count - 1][0] if count else ""
        for digest, file in own:
            (heldout if digest <= last else train).append(file)
    return train, heldout


def _by_digest(pair: tuple[str, ClassFile]) -> tuple[str, str]:
    return pair[0], pair[1].name


def _digest(path: str) -> str:
    """SHA-256 of the content; of the path where it cannot be read, which becomes a reject."""
    try:
        open_image(path).close()
    except RejectedImage:
        return hashlib.sha256(os.fsencode(path)).hexdigest()
    return storage.sha256(path)


def _refuse_too_many(folder: pathlib.Path, count: int, side: int) -> None:
    needed = count * side * side * 3
    allowed = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    if needed > allowed:
        raise ValueError(
            f"--images {folder}: expected images that fill at most half of the memory, "
            f"{allowed / 1e9:.1f} GB; {count:,} files of {side} x {side} pixels need "
            f"{needed / 1e9:.1f} GB. Lower --resolution, or point to fewer files."
        )


def _read(
    found: ClassFiles, files: Files, side: int, max_pixels: int, rejects: list[Reject]
) -> Split:
    images = np.empty([len(files), side, side, 3], np.uint8)
    labels, names = [], []
    paths = [found.path(file) for file in files]
    for file, square in zip(files, _decoded(paths, side, max_pixels), strict=True):
        if isinstance(square, RejectedImage):
            rejects.append(Reject(file.name, square.reason, str(square)))
            continue
        images[len(labels)] = square
        labels.append(file.label)
        names.append(file.name)
    return Split(images[: len(labels)], np.asarray(labels, np.int32), tuple(names))


def _decoded(
    paths: Sequence[str], side: int, max_pixels: int
) -> Iterator[np.ndarray | RejectedImage]:
    """Decodes in threads, in the order of the files: Pillow works outside of Python's lock."""

    def read(path):
        try:
            return read_square(path, side, max_pixels)
        except RejectedImage as reject:
            return reject

    with warnings.catch_warnings(), concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        # What Pillow warns of is judged here: sizes above its own limit, damaged metadata. Filters
        # are the process's, not a thread's.
        warnings.simplefilter("ignore")
        yield from tqdm(
            pool.map(read, paths),
            total=len(paths),
            desc="images",
            unit="file",
            dynamic_ncols=True,
            mininterval=0.5 if sys.stderr.isatty() else 10.0,
        )


def _check_classes(folder, classes: Sequence[str], train: Split, heldout: Split, rejected: int):
    for label, name in enumerate(classes):
        for split, purpose in ((train, "train on"), (heldout, "judge by")):
            if not np.any(split.labels == label):
                raise ValueError(
                    f"--images {folder}: expected images to {purpose} in every class, received "
                    f"none in {name!r} ({rejected} files of all classes were rejected). Add "
                    "images, or remove the class."
                )
