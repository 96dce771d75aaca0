"""`mnemosyne prepare-images`: folders of images to sharded TFRecords with manifest, in Beam."""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import sys
import time
from collections.abc import Sequence

from data_prep import storage
from data_prep.beam import command_flags
from data_prep.beam.worker_watchdog import WorkerDiedError
from data_prep.images.class_files import (
    HELDOUT,
    ClassFile,
    ClassFiles,
    find_class_files,
    refuse_output_among_images,
)
from data_prep.images.early_checks import check_classes_can_be_trained_on, shard_warning
from data_prep.images.image_manifest import (
    build_image_manifest,
    completed_image_text,
    image_summary,
    image_warnings,
)
from data_prep.images.settings import ImageFolderSettings, ImageRecordSettings
from data_prep.job.job_folder import JobFolder
from data_prep.job.summary_table import peak_memory
from data_prep.settings import add_flags, from_flags

_FILES_PER_UNIT = 64

_EXAMPLE = """\
example:
  mnemosyne prepare-images --images photographs --output records --side 256
  mnemosyne vit --images records --weights vit_s.onnx --output runs/vit

--images: a folder with a folder of images for each class, or with 'train' and 'test' that hold
these. JPEG, PNG, WebP, GIF, BMP and TIFF become upright squares of RGB on white; what is damaged,
animated, too large or no image is a line in rejects/ and a count in the manifest. Flags not listed
here are Beam's, such as --direct_running_mode=multi_processing --direct_num_workers=4. Records do
not depend on them. Run again after a crash, it does only what is missing.
"""


def build_parser() -> argparse.ArgumentParser:
    """Returns the parser; most flags and their defaults are those of `ImageRecordSettings`."""
    parser = argparse.ArgumentParser(
        prog="mnemosyne prepare-images",
        description="Make records of labelled squares from folders of images.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--images", required=True, metavar="DIR", help="folder, see below")
    parser.add_argument("--output", required=True, metavar="DIR", help="new folder for the records")
    add_flags(parser, ImageRecordSettings)
    parser.add_argument(
        "--max_bad_fraction",
        type=float,
        default=1.0,
        help="fail where more of the files are rejected (default 1.0)",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns 0, or raises ValueError or OSError over what the user gave."""
    parser = build_parser()
    flags, beam_flags = parser.parse_known_args(argv)
    command_flags.check_beam_flags(parser, beam_flags, [flags.images, flags.output])
    refuse_output_among_images(flags.images, flags.output)
    images = find_class_files(flags.images)
    sizes = [_size(images.path(file)) for file in images.files]
    settings = _settings(flags, images, sizes)
    job = JobFolder(flags.output, settings)
    if job.is_completed():
        job.remove_state()
        print(f"already complete: {storage.printable(flags.output)}")
        return 0
    check_classes_can_be_trained_on(images, settings)
    job.begin()
    started = time.monotonic()
    if not job.is_all_written():
        try:
            _run_pipeline(images, sum(sizes), job=job, settings=settings, beam_flags=beam_flags)
        except WorkerDiedError as error:
            return command_flags.report_dead_worker(error)
    seconds = time.monotonic() - started
    try:
        manifest = build_image_manifest(job, settings=settings, num_files=len(images.files))
    except ValueError:  # a class came to nothing: the next try may use the folder
        job.discard(keep_rejects=True)
        raise
    _check_bad_fraction(manifest.statistics["rejected_fraction"], flags.max_bad_fraction, job)
    manifest.save(flags.output)
    job.complete(completed_image_text(manifest))
    output = storage.printable(flags.output)
    print(image_summary(manifest, seconds=seconds, peak_bytes=peak_memory(), output=output))
    for warning in image_warnings(manifest):
        print(f"mnemosyne: warning: {warning}", file=sys.stderr)
    return 0


def _settings(
    flags: argparse.Namespace, images: ClassFiles, sizes: Sequence[int]
) -> ImageFolderSettings:
    lines = [
        f"{file.name}\0{file.label}\0{size}" for file, size in zip(images.files, sizes, strict=True)
    ]
    digest = hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
    settings = from_flags(
        ImageFolderSettings,
        flags,
        input=flags.images,
        input_digest=digest,
        classes=images.classes,
    )
    if not images.is_parted:
        return settings
    heldout = sum(file.split == HELDOUT for file in images.files) / len(images.files)
    return dataclasses.replace(settings, heldout_fraction=min(heldout, 0.9))


def _size(path: str) -> int:
    """Returns bytes; 0 of what cannot be asked, which becomes a reject."""
    try:
        return storage.size(path)
    except OSError:
        return 0


def _check_bad_fraction(rejected: float, allowed: float, job: JobFolder) -> None:
    if rejected > allowed:
        raise ValueError(
            f"Expected at most --max_bad_fraction {allowed} of the files to be rejected, received "
            f"{rejected:.4f}. Look into {job.directory}/rejects, or run again with a larger "
            "fraction: the shards are kept."
        )


def _run_pipeline(images: ClassFiles, num_bytes: int, *, job, settings, beam_flags) -> None:
    from data_prep.job.progress import ProgressDisplay

    finished = job.finished_blocks()
    if finished:
        print(
            f"resuming: {len(finished)} of {len(settings.block_keys())} shards are there",
            file=sys.stderr,
        )
    display = ProgressDisplay(
        job.progress_folder,
        bytes_total=num_bytes,
        shards_total=len(settings.block_keys()),
        shards_done=len(finished),
    )
    beam = command_flags.import_beam()
    from data_prep.beam import engines
    from data_prep.beam.image_transforms import PrepareImages
    from data_prep.job.spill_files import SpillFiles

    is_local = engines.is_local(beam_flags) and not storage.is_remote(job.directory)
    if not is_local and (warning := shard_warning(images, settings)):
        print(f"mnemosyne: warning: {warning}", file=sys.stderr)
    spill = SpillFiles(job.spill_folder if is_local else None)
    with display, command_flags.beam_pipeline(beam_flags) as pipeline:
        # The empty unit makes every block known, so that each has a shard, empty if need be.
        _ = (
            pipeline
            | "Units of work" >> beam.Create([[], *_units(images.files)])
            | "Prepare images" >> PrepareImages(settings, images.folder, job.directory, spill)
        )


def _units(files: Sequence[ClassFile]) -> list[list[ClassFile]]:
    return [
        list(files[begin : begin + _FILES_PER_UNIT])
        for begin in range(0, len(files), _FILES_PER_UNIT)
    ]
