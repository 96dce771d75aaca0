import os

import pytest

from pipeline.lab.prepare.program import Contestant, run_measured, run_module

WRITER = """
import struct, sys, os
def main(flags):
    values = dict(flag.removeprefix("--").split("=") for flag in flags)
    for shard, count in enumerate(map(int, values["records"].split(","))):
        with open(os.path.join(values["output"], f"{shard}.tfrecord"), "wb") as file:
            for size in range(count):
                file.write(struct.pack("<Q4x", size) + bytes(size) + bytes(4))
    return 0
"""


@pytest.fixture
def run_writer(tmp_path):
    (tmp_path / "writer.py").write_text(WRITER)
    text = tmp_path / "text.txt"
    text.write_bytes(b"x" * 2_000_000)

    def run_with(flags):
        return run_measured(
            Contestant("writer", "writer", ("struct",), python_path=str(tmp_path)),
            flags,
            text=str(text),
            core=max(os.sched_getaffinity(0)),
            scratch=str(tmp_path),
        )

    return run_with


def test_records_of_all_shards_are_counted(run_writer):
    measured = run_writer(["--records=3,0,40"])
    assert measured.sequences == 43


def test_rate_is_text_over_cpu_seconds(run_writer):
    measured = run_writer(["--records=1"])
    assert measured.megabytes == 2
    assert measured.megabytes_per_second == 2 / measured.cpu_seconds


def test_scratch_is_left_as_it_was(run_writer, tmp_path):
    before = set(os.listdir(tmp_path)) | {"__pycache__"}
    run_writer(["--records=1"])
    assert set(os.listdir(tmp_path)) <= before


def test_no_record_is_an_error_that_names_the_contestant(run_writer):
    with pytest.raises(ValueError, match=r"writer wrote no record.*--megabytes"):
        run_writer(["--records=0"])


def test_failure_gives_the_command_and_the_end_of_what_it_said():
    with pytest.raises(ValueError, match=r"exit code 1:\n.*-m nothing_like_it 7\n.*No module"):
        run_module("nothing_like_it", ["7"])
