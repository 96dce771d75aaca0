"""The output folder of `mnemosyne vit`: what it was begun with, epochs, checkpoints, results.

settings.json  epochs.jsonl  rejects.jsonl  checkpoints/  features/
model/  predictions.tsv  results.json  results.md  report.html  COMPLETED

`COMPLETED` is written last; with it a call with the same settings does nothing.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
from collections.abc import Mapping, Sequence

from data_prep import storage
from pipeline.recipes.loader import differences
from pipeline.vision.images.image_set import Reject
from pipeline.weights.json_file import read_json, write_json

_SETTINGS, _EPOCHS = "settings.json", "epochs.jsonl"
_REJECTS, _COMPLETED = "rejects.jsonl", "COMPLETED"


class VisionFolder:
    """The folder of one run.

    Args:
      path: made by `begin`.
      header: JSON values that decide the result; they must not change between two calls.

    Raises:
      ValueError: the folder holds a run of other settings, images or weights; each is named.
    """

    def __init__(self, path: str | os.PathLike, header: Mapping):
        self.path = pathlib.Path(path)
        self._header = json.loads(json.dumps(header))
        if (self.path / _SETTINGS).is_file():
            changed = differences(read_json(self.path / _SETTINGS), self._header)
            if changed:
                raise ValueError(
                    f"--output {self.path} holds a run with other settings: {'; '.join(changed)}. "
                    "Give another --output, or the old settings"
                )
        elif self.path.is_dir() and any(self.path.iterdir()):
            raise ValueError(
                f"--output {self.path}: expected a new folder or one of `mnemosyne vit`, received "
                f"one with {', '.join(sorted(os.listdir(self.path))[:3])}"
            )

    @property
    def checkpoints(self) -> str:
        """Where checkpoints are kept."""
        return os.fspath(self.path / "checkpoints")

    @property
    def features(self) -> pathlib.Path:
        """Where a probe keeps its features."""
        return self.path / "features"

    def finished(self) -> dict | None:
        """Returns what `complete` was given, or None."""
        path = self.path / _COMPLETED
        return read_json(path) if path.is_file() else None

    def begin(self, rejects: Sequence[Reject]) -> None:
        """Makes the folder and writes what it is begun with.

        Raises:
          OSError: it cannot be written.
        """
        storage.make_folder(os.fspath(self.path))
        write_json(self.path / _SETTINGS, self._header)
        lines = "".join(json.dumps(dataclasses.asdict(each)) + "\n" for each in rejects)
        if lines:
            storage.write_whole(self.path / _REJECTS, lines.encode())

    def epochs(self, done: int) -> list[dict]:
        """Returns the rows of the epochs that a checkpoint holds; later ones are forgotten."""
        path = self.path / _EPOCHS
        if not path.is_file():
            return []
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return rows[:done]

    def write_epochs(self, rows: Sequence[Mapping]) -> None:
        """Writes the rows of all epochs so far."""
        text = "".join(json.dumps(row) + "\n" for row in rows)
        storage.write_whole(self.path / _EPOCHS, text.encode())

    def write(self, name: str, text: str) -> None:
        """Writes a file of the folder, whole or not at all."""
        # Names of files need not be UTF-8.
        storage.write_whole(self.path / name, text.encode("utf-8", "backslashreplace"))

    def complete(self, summary: Mapping) -> None:
        """Writes the marker, after everything else."""
        write_json(self.path / _COMPLETED, summary)
