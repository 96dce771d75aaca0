"""The bytes of every input file, sorted: what went in comes out as used, blank or rejected."""

from __future__ import annotations

import collections
import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from data_prep.corpus.input_files import InputFile


@dataclasses.dataclass(frozen=True)
class FileTally:
    """Bytes of one file, or of a part of it.

    Attributes:
        bytes_in, bytes_ok, bytes_blank, bytes_dead: read, and what became of them.
        is_plain: `bytes_in` of the whole file should be its size.
        bytes_lost: of the file as it is stored; see `rejects.Reject`.
    """

    bytes_in: int
    bytes_ok: int
    bytes_blank: int
    bytes_dead: int
    is_plain: bool
    bytes_lost: int = 0

    @classmethod
    def of(cls, counts: Mapping[str, int], *, is_plain: bool) -> FileTally:
        """Picks the bytes out of the counts of a reader."""
        names = ("bytes_in", "bytes_ok", "bytes_blank", "bytes_dead")
        lost = counts.get("bytes_lost", 0)
        return cls(*(counts.get(name, 0) for name in names), is_plain, lost)

    def plus(self, other: FileTally | None) -> FileTally:
        """Returns the tally of both parts."""
        if other is None:
            return self
        return FileTally(
            self.bytes_in + other.bytes_in,
            self.bytes_ok + other.bytes_ok,
            self.bytes_blank + other.bytes_blank,
            self.bytes_dead + other.bytes_dead,
            self.is_plain and other.is_plain,
            self.bytes_lost + other.bytes_lost,
        )


def pack(counts: Mapping[str, int], per_file: Mapping[str, FileTally]) -> bytes:
    """Returns what was counted in one unit of work as JSON."""
    return json.dumps([counts, to_json(per_file)]).encode()


def merge(payloads: Iterable[bytes]) -> tuple[dict[str, int], dict[str, FileTally]]:
    """Adds up what `pack` made of all units."""
    total: collections.Counter[str] = collections.Counter()
    per_file: dict[str, FileTally] = {}
    for payload in payloads:
        counts, files = json.loads(payload)
        total.update(counts)
        for path, values in files.items():
            per_file[path] = FileTally(*values).plus(per_file.get(path))
    return dict(total), per_file


def to_json(per_file: Mapping[str, FileTally]) -> dict[str, Any]:
    """Returns path -> the values of its tally."""
    return {path: list(dataclasses.astuple(tally)) for path, tally in sorted(per_file.items())}


def check(tallies: Mapping[str, Sequence[Any]], files: Iterable[InputFile]) -> None:
    """Checks every file of the corpus.

    Args:
        tallies: what `to_json` returned.
        files: the corpus as it was found before the job.

    Raises:
        RuntimeError: bytes of a file are not accounted for, which is a defect.
        ValueError: a file was not read to the size it had, so it has changed.
    """
    for file in files:
        if file.path not in tallies:
            raise RuntimeError(
                f"{file.path}: expected every file to be read, but this one was not. The runner "
                "lost data: delete the output and run again, on the local runner if need be."
            )
        tally = FileTally(*tallies[file.path])
        sorted_bytes = tally.bytes_ok + tally.bytes_blank + tally.bytes_dead
        if tally.bytes_in != sorted_bytes:
            raise RuntimeError(
                f"{file.path}: expected all {tally.bytes_in:,} bytes read to be accounted for, "
                f"received {sorted_bytes:,}. Please report this file."
            )
        if tally.is_plain and tally.bytes_in != file.size:
            raise ValueError(
                f"{file.path}: expected {file.size:,} bytes, as before the job, received "
                f"{tally.bytes_in:,}. The file changed meanwhile: run again when it is finished."
            )


def rejected_fraction(tallies: Mapping[str, Sequence[Any]], files: Iterable[InputFile]) -> float:
    """Returns which part of the corpus was rejected, in [0, 1], by bytes of the files as stored.

    What was decompressed and rejected counts as the same part of its file. What a broken stream
    never gave counts as the bytes it takes in the file.

    Args:
        tallies: what `to_json` returned.
        files: the corpus as it was found before the job.
    """
    rejected = size = 0.0
    for file in files:
        tally = FileTally(*tallies[file.path])
        lost = min(tally.bytes_lost, file.size)
        rejected += lost
        if tally.bytes_in:
            rejected += (file.size - lost) * tally.bytes_dead / tally.bytes_in
        size += file.size
    return min(1.0, rejected / size) if size else 0.0
