"""The state of one preparation job on disk: what may be kept, what is missing, what is finished.

While a job is not finished, its folder holds `.job/`: `settings.json`, one JSON part for every
finished shard, `counts.json`, the partner pools, the progress of the workers, and tokens that wait
for their shard. A shard's part is written after the shard, `COMPLETED` after everything, so a job
killed at any moment goes on from what is whole.
"""

from __future__ import annotations

import contextlib
import json
import os
from typing import Any

from data_prep import storage
from data_prep.job.manifest import COMPLETED_FILE, VOCAB_FILE, load_manifest
from data_prep.settings import FolderSettings

REJECTS_FOLDER = "rejects"
COUNTS_PART = "counts"
FILES_PART = "files"
_FAILURE_PART = "failure"
_JOB_FOLDER = ".job"
_SETTINGS_FILE = "settings.json"
_SHARD_SUFFIX = (".tfrecord", ".tfrecord.gz")


class JobFolder:
    """The output folder of a preparation job."""

    def __init__(self, directory: str, settings: FolderSettings):
        self.directory = directory
        self._settings = settings
        self._fingerprint = settings.fingerprint()

    def is_completed(self) -> bool:
        """Says whether the folder is finished, with these settings.

        Raises:
            ValueError: it is finished or begun with other settings, or holds something else.
        """
        completed = storage.exists(os.path.join(self.directory, COMPLETED_FILE))
        if completed:
            recorded = dict(load_manifest(self.directory, kind=None).settings)
        elif self._is_begun():
            recorded = json.loads(storage.read_whole(self._job_path(_SETTINGS_FILE)))
        else:
            others = [name for name in storage.list_folder(self.directory) if name != _JOB_FOLDER]
            if others:
                raise ValueError(
                    f"--output {self.directory}: expected a new or empty folder, or one that this "
                    f"command began, but it holds {', '.join(others[:3])}. Choose another --output."
                )
            return False
        differences = self._settings.differences(recorded)
        if differences and (completed or self._has_shards()):
            raise ValueError(
                f"--output {self.directory}: was {'finished' if completed else 'begun'} with other "
                f"settings ({'; '.join(differences)}). Choose another --output, delete the folder, "
                "or use the settings it was made with."
            )
        return completed

    def begin(self, vocab_file: str | None = None) -> None:
        """Makes the folder and records settings and vocabulary, where there is one.

        What a run with other settings left here without finishing a shard is removed.

        Raises:
            OSError: the folder cannot be written.
        """
        if self._is_begun() and not self._has_shards():
            self.discard()
        try:
            storage.remove_folder(self.spill_folder)  # what a killed run left
            storage.make_folder(os.path.join(self.directory, REJECTS_FOLDER))
            for folder in (self.progress_folder, self.spill_folder):
                storage.make_folder(folder)
            if vocab_file is not None:
                storage.write_whole(self.vocab_file, storage.read_whole(vocab_file))
            text = json.dumps(self._settings.to_json(), indent=1)
            storage.write_whole(self._job_path(_SETTINGS_FILE), text.encode())
        except OSError as error:
            raise OSError(
                f"--output {self.directory}: expected a folder that can be written, received "
                f"'{error.strerror or error}'. Choose another --output or change its permissions."
            ) from error
        self._remove_temporary_files()

    @property
    def vocab_file(self) -> str:
        """Path of the copy of the vocabulary."""
        return os.path.join(self.directory, VOCAB_FILE)

    @property
    def progress_folder(self) -> str:
        """Path of the folder in which workers report their progress."""
        return self._job_path("progress")

    @property
    def spill_folder(self) -> str:
        """Path of the folder in which tokens wait for their block to be complete."""
        return self._job_path("tokens")

    def pool_file(self, split: str) -> str:
        """Returns the path of the documents that lend random next sentences within a split."""
        return self._job_path(f"{split}-pool-{self._fingerprint[:16]}")

    def reject_file(self, unit_name: str) -> str:
        """Returns the path for the rejects of a unit of work."""
        return os.path.join(self.directory, REJECTS_FOLDER, f"{unit_name}.jsonl")

    def shard_paths(self, block_key: str) -> list[str]:
        """Returns the paths of the shards of a block, one for each length of records."""
        files = self._settings.shard_files(block_key)
        return [os.path.join(self.directory, file) for file in files]

    def is_finished(self, block_key: str) -> bool:
        """Says whether the part of a block is there and its shards are, as long as it says."""
        part = self.load_part(block_key)
        return part is not None and all(
            storage.exists(path) and storage.size(path) == shard["bytes_out"]
            for path, shard in zip(self.shard_paths(block_key), part["shards"], strict=True)
        )

    def check_is_ours(self) -> None:
        """Stops a worker that outlived its job, before it writes into the folder of the next.

        Raises:
            RuntimeError: the folder was begun anew with other settings, or removed.
        """
        path = self._job_path(_SETTINGS_FILE)
        if storage.exists(path):
            recorded = json.loads(storage.read_whole(path))
            if not self._settings.differences(recorded):
                return
        raise RuntimeError(
            f"{self.directory}: expected the folder of this job, but it was begun anew with other "
            "settings, or removed. Nothing is written to it."
        )

    def save_part(self, name: str, content: dict[str, Any]) -> None:
        """Records that a shard (or the counting of the input) is done, and what came of it."""
        part = {"fingerprint": self._fingerprint, **content}
        storage.write_whole(self._job_path(f"{name}.json"), json.dumps(part).encode())

    def load_part(self, name: str) -> dict[str, Any] | None:
        """Returns what `save_part` recorded under these settings, or None."""
        path = self._job_path(f"{name}.json")
        if not storage.exists(path):
            return None
        part = json.loads(storage.read_whole(path))
        return part if part.pop("fingerprint", None) == self._fingerprint else None

    def save_failure(self, message: str) -> None:
        """Records for the command why a worker had to stop."""
        self.save_part(_FAILURE_PART, {"message": message})

    def take_failure(self) -> str | None:
        """Returns what `save_failure` recorded, once."""
        part = self.load_part(_FAILURE_PART)
        storage.remove(self._job_path(f"{_FAILURE_PART}.json"), missing_ok=True)
        return part["message"] if part else None

    def is_all_written(self) -> bool:
        """Says whether every shard and the counts are there, so that only the manifest lacks."""
        parts = (self.load_part(name) for name in (COUNTS_PART, FILES_PART))
        return None not in parts and len(self.finished_blocks()) == len(self._settings.block_keys())

    def finished_blocks(self) -> frozenset[str]:
        """Returns the blocks whose shard and part are there."""
        return frozenset(key for key in self._settings.block_keys() if self.is_finished(key))

    def complete(self, summary: str) -> None:
        """Writes the marker, then removes the state of the job.

        Raises:
            RuntimeError: a shard is missing or not as long as recorded.
        """
        if not self.is_all_written():
            raise RuntimeError(
                f"{self.directory}: expected all shards as recorded when they were written, but "
                "one is missing or of another length. Run the command again."
            )
        storage.write_whole(os.path.join(self.directory, COMPLETED_FILE), summary.encode())
        self.remove_state()

    def remove_state(self) -> None:
        """Removes what only an unfinished job needs, also when a kill came just before that."""
        storage.remove_folder(os.path.join(self.directory, _JOB_FOLDER))

    def discard(self, *, keep_rejects: bool = False) -> None:
        """Removes what this job wrote: it came to nothing, and must not stand in the way.

        Args:
            keep_rejects: leave the rejects, if there are any, until the next run begins here.
        """
        for key in self._settings.block_keys():
            for path in self.shard_paths(key):
                storage.remove(path, missing_ok=True)
        storage.remove(self.vocab_file, missing_ok=True)
        if keep_rejects and storage.list_folder(os.path.join(self.directory, REJECTS_FOLDER)):
            return  # the settings stay too: by them the next run knows the folder for its own
        for folder in (REJECTS_FOLDER, _JOB_FOLDER):
            storage.remove_folder(os.path.join(self.directory, folder))
        if not storage.list_folder(self.directory):
            storage.remove_folder(self.directory)

    def _is_begun(self) -> bool:
        return storage.exists(self._job_path(_SETTINGS_FILE))

    def _has_shards(self) -> bool:
        return any(name.endswith(_SHARD_SUFFIX) for name in storage.list_folder(self.directory))

    def _remove_temporary_files(self) -> None:
        """Removes what writers of a killed run left under temporary names."""
        for folder in (self.directory, os.path.join(self.directory, REJECTS_FOLDER)):
            for name in storage.list_folder(folder):
                if ".tmp-" in name:
                    with contextlib.suppress(OSError):
                        storage.remove(os.path.join(folder, name))

    def _job_path(self, name: str) -> str:
        return os.path.join(self.directory, _JOB_FOLDER, name)
