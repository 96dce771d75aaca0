"""The parts of a finished job of images to its manifest, checked, and to printed words."""

from __future__ import annotations

import collections
import platform
from collections.abc import Mapping
from importlib import metadata
from typing import Any

import tabulate

from data_prep.images.class_files import HELDOUT, TRAIN
from data_prep.images.settings import ImageFolderSettings
from data_prep.job.job_folder import COUNTS_PART, REJECTS_FOLDER, JobFolder
from data_prep.job.manifest import Manifest

_PACKAGES = ("apache-beam", "numpy", "pillow", "tensorflow")


def build_image_manifest(
    job: JobFolder, *, settings: ImageFolderSettings, num_files: int
) -> Manifest:
    """Joins the parts of all shards and checks that nothing was lost on the way.

    Raises:
      RuntimeError: a part or a file is missing; the job must be run again.
      ValueError: a class has no image to train on.
    """
    parts = {key: job.load_part(key) for key in settings.block_keys()}
    counts = job.load_part(COUNTS_PART)
    missing = [key for key, part in parts.items() if part is None]
    if counts is None or missing:
        raise RuntimeError(
            f"{job.directory}: expected every shard to be written, but "
            f"{', '.join(missing) or 'the counts'} is missing. Run the command again."
        )
    rejects: collections.Counter[str] = collections.Counter()
    for part in parts.values():
        rejects.update(part["rejects"])
    images = sum(part["images"] for part in parts.values())
    if not counts["files"] == num_files == images + rejects.total():
        raise RuntimeError(
            f"{job.directory}: expected all {num_files:,} files to be accounted for, received "
            f"{counts['files']:,} read, {images:,} images in shards and {rejects.total():,} "
            "rejects. A file changed meanwhile or the runner lost data: delete the folder and run "
            "again, on the local runner if need be."
        )
    splits = {split: _split(parts, split, settings) for split in (TRAIN, HELDOUT)}
    _check_classes(splits[TRAIN]["classes"], settings, rejects, job)
    return Manifest(
        settings=settings.to_json(),
        vocab={},
        splits=splits,
        counts={"images": images, **counts},
        rejects=dict(sorted(rejects.items())),
        statistics={"rejected_fraction": rejects.total() / num_files},
        versions={
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in _PACKAGES},
        },
    )


def _split(
    parts: Mapping[str, Mapping[str, Any]], split: str, settings: ImageFolderSettings
) -> dict[str, Any]:
    own = {key: part for key, part in parts.items() if key.startswith(split)}
    return {
        "images": sum(part["images"] for part in own.values()),
        "classes": [
            sum(part["classes"][label] for part in own.values())
            for label in range(len(settings.classes))
        ],
        "shards": [
            {"file": file, **shard}
            for key, part in own.items()
            for file, shard in zip(settings.shard_files(key), part["shards"], strict=True)
        ],
    }


def _check_classes(
    counts: list[int], settings: ImageFolderSettings, rejects: Mapping[str, int], job: JobFolder
) -> None:
    empty = [name for name, count in zip(settings.classes, counts, strict=True) if not count]
    if empty:
        listed = ", ".join(f"{reason} {count:,}" for reason, count in rejects.items())
        rejected = f" Rejected were {listed}, see {job.directory}/{REJECTS_FOLDER}."
        raise ValueError(
            f"--images {settings.input}: expected images to train on in every class, received none "
            f"in {', '.join(empty)}.{rejected if listed else ''} Add images, remove the class, or "
            "lower --heldout_fraction."
        )


def image_warnings(manifest: Manifest) -> list[str]:
    """Returns a sentence for each thing that is missing; none for a usual folder."""
    counts = manifest.splits[HELDOUT]["classes"]
    names = manifest.settings["classes"]
    empty = [name for name, count in zip(names, counts, strict=True) if not count]
    if not empty:
        return []
    return [
        f"no image to judge by of {len(empty):,} of {len(names):,} classes, the first {empty[0]}. "
        "Give more images, a larger --heldout_fraction, or a folder 'test'."
    ]


def completed_image_text(manifest: Manifest) -> str:
    """Returns the content of the COMPLETED marker."""
    return "".join(f"{split} {part['images']} images\n" for split, part in manifest.splits.items())


def image_summary(manifest: Manifest, *, seconds: float, peak_bytes: int, output: str) -> str:
    """Returns the table that the command prints last.

    Args:
      manifest: of what was made.
      seconds: that it took.
      peak_bytes: of memory, of one process.
      output: the folder.
    """
    counts, rejects = manifest.counts, manifest.rejects
    rows = [
        ("files", f"{counts['files']:,} of {counts['bytes_in'] / 1e6:,.1f} MB"),
        ("classes", f"{len(manifest.settings['classes']):,}"),
        *(
            (f"{split} images", f"{part['images']:,} in {len(part['shards'])} shards")
            for split, part in manifest.splits.items()
        ),
        ("rejects", f"{sum(rejects.values()):,}"),
        *((f"  {reason}", f"{count:,}") for reason, count in rejects.items()),
        ("time", f"{seconds:,.1f} s, {counts['files'] / max(seconds, 1e-9):,.0f} files/s"),
        ("memory", f"{peak_bytes / 2**20:,.0f} MiB at most in one process"),
        ("output", output),
    ]
    return tabulate.tabulate(
        rows, tablefmt="plain", disable_numparse=True, preserve_whitespace=True
    )
