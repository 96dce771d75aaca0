"""One program to measure: how it is called, and one measured run of it."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import shlex
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence

_FRAME = struct.Struct("<Q4x")  # of TFRecord: length, its CRC; then the record and its CRC
_MAX_ERROR_CHARACTERS = 2_000
_OUR_PACKAGES = str(pathlib.Path(__file__).parents[3])


@dataclasses.dataclass(frozen=True)
class Contestant:
    """A program that turns text into TFRecords.

    Attributes:
        name: in the table.
        module: its `main(flags)` takes --input FILE and --output DIR.
        imports: modules to load before the clock starts, in addition to `module`.
        flags: that come first.
        python_path: a folder to import from, or empty.
    """

    name: str
    module: str
    imports: tuple[str, ...]
    flags: tuple[str, ...] = ()
    python_path: str = ""


@dataclasses.dataclass(frozen=True)
class Measurement:
    """The cost of one run.

    Attributes:
        megabytes: text that was read, in MB of 10**6 bytes.
        sequences: records that were written.
        cpu_seconds: user and system time after the imports.
        peak_mb, imports_mb: peak resident memory, in all and after the imports alone.
    """

    megabytes: float
    sequences: int
    cpu_seconds: float
    peak_mb: float
    imports_mb: float

    @property
    def megabytes_per_second(self) -> float:
        """Text read per CPU second, in MB."""
        return self.megabytes / self.cpu_seconds


def run_measured(
    contestant: Contestant, flags: Sequence[str], *, text: str, core: int, scratch: str
) -> Measurement:
    """Runs a contestant once, pinned to a core; its records are counted and deleted.

    Raises:
        ValueError: it failed or wrote no record.
    """
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        report, output = os.path.join(folder, "report.json"), os.path.join(folder, "records")
        os.mkdir(output)
        program = ",".join([contestant.module, *contestant.imports])
        arguments = [*contestant.flags, f"--input={text}", f"--output={output}", *flags]
        run_module(
            "pipeline.lab.prepare.measured_call",
            [report, str(core), program, *arguments],
            python_path=contestant.python_path,
        )
        sequences = sum(map(_count_records, _files_in(output)))
        if not sequences:
            raise ValueError(f"{contestant.name} wrote no record. Give it more text: --megabytes.")
        with open(report, encoding="utf-8") as file:
            return Measurement(os.path.getsize(text) / 1e6, sequences, **json.load(file))


def run_module(module: str, arguments: Sequence[str], *, python_path: str = "") -> None:
    """Runs `python -m module` to its end, silent unless it fails.

    Raises:
        ValueError: its exit code is not 0; with the end of its standard error and the command.
    """
    command = [sys.executable, "-m", module, *arguments]
    folders = [python_path, _OUR_PACKAGES, os.environ.get("PYTHONPATH", "")]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, folders)),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise ValueError(
            f"Expected this program to succeed, received exit code {done.returncode}:\n"
            f"  {shlex.join(command)}\n{done.stderr[-_MAX_ERROR_CHARACTERS:].strip()}"
        )


def _files_in(folder: str) -> Iterator[str]:
    for parent, _, names in os.walk(folder):
        yield from (os.path.join(parent, name) for name in names if ".tfrecord" in name)


def _count_records(path: str) -> int:
    count = 0
    with open(path, "rb") as file:
        while header := file.read(_FRAME.size):
            file.seek(_FRAME.unpack(header)[0] + 4, os.SEEK_CUR)
            count += 1
    return count
