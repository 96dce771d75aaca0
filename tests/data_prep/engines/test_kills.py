"""`kill -9` at random moments: no finished folder that lies, no hang, the same shards in the end.

    KILLS=20 python -m pytest tests/data_prep/engines/test_kills.py

kills so often in each of the three ways, and ends with what became of it.
"""

import contextlib
import hashlib
import json
import os
import random
import signal
import time

import pytest

KILLS = int(os.environ.get("KILLS", "2"))
SEED = int(os.environ.get("KILLS_SEED", "1"))
SECONDS_TO_END = 60
SECONDS_TO_START = 300
FLAGS = {"dupe_factor": 10, "num_shards": 6}
IN_PROCESSES = ("--direct_running_mode=multi_processing", "--direct_num_workers=2")
# What a job shows of itself at each stage of its life.
STAGES = {
    "begun": ".job/settings.json",
    "reading": ".job/progress/*.json",
    "writing": "train-*.tfrecord*",
    "half written": ".job/train-*.json",
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not os.path.exists("/proc"), reason="needs /proc"),
]


@pytest.fixture
def corpus(tmp_path, corpus_text):
    path = tmp_path / "corpus.txt"
    path.write_text("\n\n".join(f"{corpus_text}\nsea {number} ." for number in range(30)))
    return path


@pytest.fixture
def expected(prepare, corpus, hash_of):
    return hash_of(prepare(corpus, output="whole", **FLAGS))


@pytest.fixture
def kill_often(start, prepare, corpus, expected, hash_of, below, wait_until, table):
    """Returns `kill_often(name, choose, beam=())`: kills KILLS jobs, each at some stage.

    `choose(rng, job)` is asked for the process to kill. Every second job, on average, is killed
    once more in the folder of the one before; the others are run again to their end.
    """

    def life(job, stage, rng):
        """Waits for the stage and a little longer; says whether the job is still running."""
        wait_until(
            lambda: not job.is_running or any(job.folder.glob(STAGES[stage])), SECONDS_TO_START
        )
        time.sleep(rng.uniform(0, 0.5))
        return job.is_running

    def run(name, choose, beam=()):
        rng, kills, folders, late, longest = random.Random(SEED), 0, 0, 0, 0.0
        reached, completed, kept = [], 0, 0
        while kills < KILLS:
            output = f"{name.replace(' ', '-')}{folders}"
            job = start(corpus, output=output, beam=beam, **FLAGS)
            stage = rng.choice([*STAGES])
            victim = choose(rng, job) if life(job, stage, rng) else None
            if victim is not None:
                started_by_it = below(job.process.pid)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)
                killed = time.monotonic()
                everyone = [job.process.pid, *started_by_it]
                assert wait_until(
                    lambda job=job, them=everyone: not job.is_running and not any_alive(them),
                    SECONDS_TO_END,
                ), f"{stage}: still running: {job.log.read_text()}"
                longest = max(longest, time.monotonic() - killed)
                if victim != job.process.pid:
                    check_that_the_command_said_so(job)
                kills += 1
                reached.append(stage)
                kept += any(job.folder.glob(STAGES["half written"]))
            else:
                job.wait(SECONDS_TO_START)
                late += 1
            if (job.folder / "COMPLETED").exists():
                completed += victim is not None
                check_what_is_recorded(job.folder)
                assert hash_of(job.folder) == expected
            if rng.random() < 0.5 or (job.folder / "COMPLETED").exists():
                assert hash_of(prepare(corpus, output=output, **FLAGS)) == expected
                check_what_is_recorded(job.folder)
                assert not [path for path in job.folder.rglob("*") if ".tmp-" in path.name]
                assert not (job.folder / ".job").exists()
                folders += 1
        stages = ", ".join(f"{reached.count(stage)} {stage}" for stage in STAGES)
        table.append(
            f"{name}: {kills} kills ({stages}), {late} too late; {completed} had just completed, "
            f"{kept} left shards to keep; all ended within {longest:.1f} s; "
            f"{folders} folders run to the end, all with hash {expected[:16]}"
        )

    return run


def check_that_the_command_said_so(job):
    """A command whose worker died completes what was done by then, or fails with the reason."""
    if (job.folder / "COMPLETED").exists():
        assert job.process.returncode == 0
    else:
        assert job.process.returncode == 1
        assert "a worker process ended before its work did" in job.log.read_text()


def any_alive(processes):
    return any(state_of(process) not in (None, "Z") for process in processes)


def state_of(process):
    with contextlib.suppress(OSError), open(f"/proc/{process}/stat") as stream:
        return stream.read().rpartition(")")[2].split()[0]
    return None


def check_what_is_recorded(folder):
    """A folder that says it is complete holds the shards that its manifest describes."""
    manifest = json.loads((folder / "manifest.json").read_text())
    for split in manifest["splits"].values():
        for shard in split["shards"]:
            content = (folder / shard["file"]).read_bytes()
            assert hashlib.sha256(content).hexdigest() == shard["sha256"]


def the_job(rng, job):
    return job.process.pid


def test_the_job_is_killed_in_one_process(kill_often):
    kill_often("job in memory", the_job)


def test_the_job_is_killed_with_workers(kill_often):
    kill_often("job of 2 processes", the_job, IN_PROCESSES)


def test_a_worker_is_killed(kill_often, below, wait_until):
    def a_worker(rng, job):
        def workers():
            return [process for process in below(job.process.pid) if is_worker(process)]

        wait_until(lambda: workers() or not job.is_running, SECONDS_TO_START)
        return rng.choice(workers() or [None])

    kill_often("worker of 2 processes", a_worker, IN_PROCESSES)


def is_worker(process):
    """Says whether it runs Beam's worker program; the shells that start it do not."""
    with contextlib.suppress(OSError), open(f"/proc/{process}/cmdline", "rb") as stream:
        arguments = stream.read().split(b"\0")
        return arguments[1:3] == [b"-m", b"apache_beam.runners.worker.sdk_worker_main"]
    return False
