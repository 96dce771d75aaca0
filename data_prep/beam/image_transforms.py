"""The pipeline of image records: the path of an image, from file to record.

    units of files -> ReadImages -> (block, turn and record) -> GroupByKey -> WriteImages

As with text, nothing depends on bundles or workers: the block of an image and its turn there follow
from its content and the seed. Rejects travel to their block, too, so that a block that is finished
needs no file decoded again. With a local engine records wait on disk.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import warnings
from collections.abc import Iterable, Iterator

import apache_beam as beam

from data_prep import storage
from data_prep.images.class_files import ClassFile, ClassFiles
from data_prep.images.settings import ImageFolderSettings
from data_prep.images.shards import ReadFile, read_file, write_shard
from data_prep.job.job_folder import COUNTS_PART, FILES_PART, JobFolder
from data_prep.job.progress import ProgressReport
from data_prep.job.spill_files import SpillFiles

_TURN_BYTES = 16


class PrepareImages(beam.PTransform):
    """Units of files to shards of records.

    Args:
      settings: of the whole folder.
      source: path of the folder of images.
      output: the folder.
      spill: where records wait until their block is complete.
    """

    def __init__(self, settings: ImageFolderSettings, source: str, output: str, spill: SpillFiles):
        super().__init__()
        self._job = (settings, output, spill)
        self._source = source

    def expand(self, units: beam.PCollection) -> beam.PCollection:
        """Joins the steps."""
        return (
            units
            | "Read images" >> beam.ParDo(ReadImages(*self._job, self._source))
            | "Bring blocks together" >> beam.GroupByKey()
            | "Write blocks" >> beam.ParDo(WriteImages(*self._job))
        )


class _Step(beam.DoFn):
    def __init__(self, settings: ImageFolderSettings, output: str, spill: SpillFiles):
        self._settings, self._output, self._spill = settings, output, spill

    def setup(self):
        """Gets the job folder ready."""
        self._job = JobFolder(self._output, self._settings)


class ReadImages(_Step):
    """A unit of files to records and rejects by block, and counts."""

    def __init__(self, settings, output, spill, source: str):
        super().__init__(settings, output, spill)
        self._images = ClassFiles(source, settings.classes, ())

    def setup(self):
        """Finds out, too, which blocks need nothing more."""
        super().setup()
        # What Pillow warns of is judged by the decoder: large sizes, damaged metadata.
        warnings.filterwarnings("ignore", module="PIL")
        self._finished = self._job.finished_blocks()

    def process(self, unit: list[ClassFile]) -> Iterator[tuple[str, bytes]]:
        """Yields (block key, turn and content or its position) and (`counts`, JSON)."""
        if not unit:
            yield from ((key, b"") for key in self._settings.block_keys())
            return
        name = hashlib.sha256(repr(unit).encode("utf-8", "surrogateescape")).hexdigest()[:16]
        report = ProgressReport(self._job.progress_folder, name)
        counts = {"files": 0, "bytes_in": 0}
        found: list[tuple[str, bytes]] = []
        with self._spill.writer(name) as put:

            def use(read: ReadFile) -> None:
                counts["files"] += 1
                counts["bytes_in"] += read.size
                if read.block_key not in self._finished:
                    found.append((read.block_key, read.turn + put(read.content())))

            for file in unit:
                read_file(self._images.path(file), file, self._settings, use)
                yield from found
                found.clear()
                report.update({"bytes": counts["bytes_in"], "documents": counts["files"]})
        report.update({"bytes": counts["bytes_in"], "documents": counts["files"]}, is_last=True)
        yield COUNTS_PART, json.dumps(counts).encode()


class WriteImages(_Step):
    """The files of a block to its shard and its rejects, the counts to their part."""

    def process(self, keyed: tuple[str, Iterable[bytes]]) -> Iterator[str]:
        """Yields the keys, the last written."""
        key, payloads = keyed
        if key == COUNTS_PART:
            all_counts = [json.loads(each) for each in payloads]
            total = {name: sum(each[name] for each in all_counts) for name in ("files", "bytes_in")}
            self._job.save_part(FILES_PART, {"files": total["files"]})
            self._job.save_part(COUNTS_PART, total)
        elif not self._job.is_finished(key):
            self._write(key, sorted(filter(None, payloads)))
        yield key

    def _write(self, key: str, payloads: list[bytes]) -> None:
        report = ProgressReport(self._job.progress_folder, key)
        contents = (self._spill.read(each[_TURN_BYTES:]) for each in payloads)
        (path,) = self._job.shard_paths(key)
        with storage.open_whole(path) as stream:
            part, rejects = write_shard(
                contents,
                stream,
                num_classes=len(self._settings.classes),
                on_image=lambda done: report.update(
                    {"sequences": done, "shards": done / len(payloads)}
                ),
            )
            self._job.check_is_ours()
        reject_file = self._job.reject_file(key)
        if rejects:
            storage.write_whole(reject_file, rejects)
        else:
            with contextlib.suppress(FileNotFoundError):
                storage.remove(reject_file, missing_ok=True)
        self._job.save_part(key, part)
        report.update({"sequences": part["images"], "shards": 1}, is_last=True)
