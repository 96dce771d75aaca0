"""A folder of class folders to a data set: `DIR/CLASS/image.jpg`, or with `train` and `test`."""

from __future__ import annotations

import concurrent.futures
import os
import pathlib
import sys
import warnings
from collections.abc import Iterator, Sequence

import numpy as np
from tqdm import tqdm

from data_prep import storage
from pipeline.vision.images.image_file import RejectedImage, read_square
from pipeline.vision.images.image_set import ImageSet, Reject, Split

_TRAIN, _HELDOUT = ("train", "training"), ("test", "heldout", "val", "validation")
# (path, label) of every image of a split.
Files = Sequence[tuple[pathlib.Path, int]]


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
    train_folder, heldout_folder = (_part(folder, names) for names in (_TRAIN, _HELDOUT))
    if train_folder and heldout_folder:
        classes = _classes(train_folder)
        if unknown := set(_classes(heldout_folder)) - set(classes):
            raise ValueError(
                f"--images {heldout_folder}: expected the classes of {train_folder}, received also "
                f"{', '.join(sorted(unknown))}"
            )
        parts = [_files(each, classes) for each in (train_folder, heldout_folder)]
    else:
        classes = _classes(folder)
        parts = _parted(_files(folder, classes), heldout_fraction)
    _refuse_too_many(folder, sum(map(len, parts)), side)
    rejects: list[Reject] = []
    train, heldout = (_read(folder, files, side, max_pixels, rejects) for files in parts)
    _check_classes(folder, classes, train, heldout, len(rejects))
    return ImageSet(folder.name, tuple(classes), train, heldout, True, tuple(rejects))


def _part(folder: pathlib.Path, names: Sequence[str]) -> pathlib.Path | None:
    return next((folder / name for name in names if (folder / name).is_dir()), None)


def _classes(folder: pathlib.Path) -> list[str]:
    classes = sorted(
        each.name for each in folder.iterdir() if each.is_dir() and not each.name.startswith(".")
    )
    if len(classes) < 2:
        raise ValueError(
            f"--images {folder}: expected two or more folders, one for each class, with its images "
            f"in it, received {', '.join(classes) or 'no folder'}"
        )
    return classes


def _files(folder: pathlib.Path, classes: Sequence[str]) -> list[tuple[pathlib.Path, int]]:
    """Every file below the class folders; what the system hides (".DS_Store") is no file."""
    return [
        (path, label)
        for label, each in enumerate(classes)
        for path in sorted((folder / each).rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    ]


def _parted(files: Files, fraction: float) -> tuple[Files, Files]:
    """Parts the files of each class by the hash of their content."""
    train, heldout = [], []
    for label in sorted({label for _, label in files}):
        own = sorted((storage.sha256(str(path)), path) for path, each in files if each == label)
        count = max(1, round(fraction * len(own))) if len(own) > 1 else 0
        # Copies of the last one that is held out are held out, too.
        last = own[count - 1][0] if count else ""
        for digest, path in own:
            (heldout if digest <= last else train).append((path, label))
    return train, heldout


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
    folder: pathlib.Path, files: Files, side: int, max_pixels: int, rejects: list[Reject]
) -> Split:
    images = np.empty([len(files), side, side, 3], np.uint8)
    labels, names = [], []
    for (path, label), found in zip(files, _decoded(files, side, max_pixels), strict=True):
        name = os.fspath(path.relative_to(folder))
        if isinstance(found, RejectedImage):
            rejects.append(Reject(name, found.reason, str(found)))
            continue
        images[len(labels)] = found
        labels.append(label)
        names.append(name)
    return Split(images[: len(labels)], np.asarray(labels, np.int32), tuple(names))


def _decoded(files: Files, side: int, max_pixels: int) -> Iterator[np.ndarray | RejectedImage]:
    """Decodes in threads, in the order of the files: Pillow works outside of Python's lock."""

    def read(file):
        try:
            return read_square(file[0], side, max_pixels)
        except RejectedImage as reject:
            return reject

    with warnings.catch_warnings(), concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        # What Pillow warns of is judged here: sizes above its own limit, damaged metadata. Filters
        # are the process's, not a thread's.
        warnings.simplefilter("ignore")
        yield from tqdm(
            pool.map(read, files),
            total=len(files),
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
