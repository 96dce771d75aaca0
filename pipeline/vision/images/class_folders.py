"""A folder of class folders to a data set: `DIR/CLASS/image.jpg`, or with `train` and `test`."""

from __future__ import annotations

import concurrent.futures
import hashlib
import os
import pathlib
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence, Set

import numpy as np
from tqdm import tqdm

from data_prep import storage
from data_prep.images.class_files import SPLITS, ClassFile, ClassFiles, find_class_files
from data_prep.images.image_file import RejectedImage, open_image, read_square
from data_prep.images.settings import PILLOW_WARNS
from pipeline.vision.images.image_set import ImageSet, Reject, Split, drawn_rows

HELDOUT_FRACTION = 0.2  # unless another is given
_PURPOSES = ("train on", "judge by")  # of the splits

Files = Sequence[ClassFile]


def read_class_folders(
    folder: pathlib.Path,
    *,
    side: int,
    heldout_fraction: float | None = None,
    max_pixels: int | None = None,
    max_train: int = 0,
    max_heldout: int = 0,
    seed: int = 0,
) -> ImageSet:
    """Reads files below the class folders; what is no usable image becomes a reject.

    Args:
      folder: with a folder for each class, or with `train` and `test` that hold these.
      side: pixels of the squares that are kept in memory.
      heldout_fraction: of the images of each class, where there is no `test`. Which ones follows
        from their content alone, so copies of an image are on the same side.
      max_pixels: of a file.
      max_train, max_heldout: files, drawn with `seed`; 0 for all.
      seed: of what is drawn.

    Raises:
      ValueError: there are fewer than two classes, a class has no image to train on or none to
        judge by, the images would not fit into memory, or `heldout_fraction` has no effect.
    """
    found = find_class_files(os.fspath(folder))
    settings = {"max_pixels": PILLOW_WARNS if max_pixels is None else max_pixels}
    if found.is_parted:
        parts = _as_parted(found, heldout_fraction)
    else:
        fraction = HELDOUT_FRACTION if heldout_fraction is None else heldout_fraction
        settings["heldout_fraction"] = fraction
        parts = _parted(found, fraction)
    for files, purpose in zip(parts, _PURPOSES, strict=True):
        _check_classes(found, {file.label for file in files}, range(len(found.classes)), purpose)
    parts = tuple(
        [files[i] for i in drawn_rows(len(files), count, seed)]
        for files, count in zip(parts, (max_train, max_heldout), strict=True)
    )
    _refuse_too_many(folder, sum(map(len, parts)), side)
    rejects: list[Reject] = []
    splits = []
    for files, purpose in zip(parts, _PURPOSES, strict=True):
        split = _read(found, files, side, settings["max_pixels"], rejects)
        drawn = {file.label for file in files}
        _check_classes(found, set(split.labels.tolist()), drawn, purpose, len(rejects))
        splits.append(split)
    return ImageSet(
        storage.printable(folder.resolve().name),
        found.classes,
        *splits,
        mirrored=True,
        rejects=tuple(rejects),
        settings=settings,
    )


def _as_parted(found: ClassFiles, fraction: float | None) -> tuple[Files, Files]:
    if fraction is not None:
        raise ValueError(
            f"--heldout_fraction: expected none, since --images {found.folder} says what is held "
            f"out, received {fraction}"
        )
    train, heldout = ([each for each in found.files if each.split == split] for split in SPLITS)
    return train, heldout


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


def _check_classes(
    found: ClassFiles, there: Set[int], needed: Iterable[int], purpose: str, rejected: int = 0
) -> None:
    for label in needed:
        if label not in there:
            why = f" ({rejected} files of all classes were rejected)" if rejected else ""
            raise ValueError(
                f"--images {found.folder}: expected images to {purpose} in every class, received "
                f"none in {found.classes[label]!r}{why}. Add images, or remove the class."
            )
