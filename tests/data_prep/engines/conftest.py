"""Shared by the tests of whole jobs on an engine: the command as a process of its own."""

import contextlib
import dataclasses
import functools
import hashlib
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

ROOT = pathlib.Path(__file__).parents[3]
# The corpus is small: cut finely, it still gives every worker something.
PIECE_BYTES = 4096
COMMAND = f"""
import functools, sys
from data_prep import create_pretraining_data
from data_prep.corpus import input_files
cut = functools.partial(
    input_files.plan_work, range_bytes={PIECE_BYTES}, unit_bytes={PIECE_BYTES}
)
input_files.plan_work = cut
sys.exit(create_pretraining_data.main())
"""
SETTINGS = {
    "max_seq_length": 32,
    "max_predictions_per_seq": 5,
    "dupe_factor": 2,
    "num_shards": 3,
    "heldout_fraction": 0.2,
    "sentences": "given",
}


TABLE = []


def pytest_terminal_summary(terminalreporter):
    """Prints the rows that tests added, which is how docs/engines.md came by its table."""
    if TABLE:
        terminalreporter.section("jobs on engines")
        for row in TABLE:
            terminalreporter.write_line(row)


@pytest.fixture(scope="session")
def table():
    """Lines to show when all tests are done."""
    return TABLE


@dataclasses.dataclass
class Job:
    """A running `mnemosyne prepare`."""

    process: subprocess.Popen
    folder: pathlib.Path
    log: pathlib.Path

    @property
    def is_running(self):
        return self.process.poll() is None

    def wait(self, seconds):
        return self.process.wait(seconds)

    def stop(self):
        """Ends the job and what it started, whatever state they are in."""
        for process in [*processes_below(self.process.pid), self.process.pid]:
            with contextlib.suppress(OSError):
                os.kill(process, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def start(tmp_path, vocab_file):
    """Returns `start(*inputs, output=..., beam=(), **flags)`: starts the command, returns a Job."""
    jobs = []

    def begin(*inputs, output, beam=(), **flags):
        arguments = [f"--input={each}" for each in inputs]
        arguments += [f"--{name}={value}" for name, value in {**SETTINGS, **flags}.items()]
        arguments += [f"--vocab_file={vocab_file}", f"--output={tmp_path / output}", *beam]
        log = tmp_path / f"{output}.log"
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
        with log.open("a") as stream:
            process = subprocess.Popen(
                [sys.executable, "-c", COMMAND, *arguments],
                env=environment,
                stdout=stream,
                stderr=stream,
            )
        jobs.append(Job(process, tmp_path / output, log))
        return jobs[-1]

    yield begin
    for job in jobs:
        job.stop()


@pytest.fixture(scope="session")
def hash_of():
    """Returns `hash_of(folder)`: one SHA-256 over all shards, in the order of their names."""

    def digest(folder):
        total = hashlib.sha256()
        for path in sorted(folder.glob("*.tfrecord")):
            total.update(path.read_bytes())
        return total.hexdigest()

    return digest


@pytest.fixture(scope="session")
def below():
    """Returns `below(process)`: the processes that this one started, and those they started."""
    return processes_below


def processes_below(process):
    from data_prep.beam.worker_watchdog import _processes_below

    return _processes_below(process)


@pytest.fixture
def cut_finely(monkeypatch):
    """Has the command in this process cut the corpus into many units of work."""
    from data_prep.corpus import input_files

    cut = functools.partial(input_files.plan_work, range_bytes=PIECE_BYTES, unit_bytes=PIECE_BYTES)
    monkeypatch.setattr(input_files, "plan_work", cut)


@pytest.fixture(scope="session")
def wait_until():
    """Returns `wait_until(condition, seconds)`: waits for it; says whether it came true."""

    def wait(condition, seconds):
        end = time.monotonic() + seconds
        while not (met := condition()) and time.monotonic() < end:
            time.sleep(0.02)
        return bool(met)

    return wait
