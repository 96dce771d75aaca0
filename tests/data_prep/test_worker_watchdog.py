import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from data_prep.worker_watchdog import WorkerDiedError, WorkerWatchdog, _processes_below


def die(name):
    def fail():
        raise RuntimeError("Worker subprocess exited with return code -9")

    thread = threading.Thread(target=fail, name=name)
    thread.start()
    thread.join()


def test_the_death_of_a_worker_is_told_with_its_cause():
    told, is_told = [], threading.Event()

    def on_death(cause):
        told.append(cause)
        is_told.set()

    with WorkerWatchdog(on_death, patience=0.01):
        die("run_worker")
        assert is_told.wait(10)
    assert told == ["Worker subprocess exited with return code -9"]


def test_nothing_is_told_when_beam_ends_by_itself():
    told = []
    with WorkerWatchdog(told.append, patience=0.3):
        die("run_worker")
    time.sleep(0.4)
    assert told == []


def test_an_error_of_beam_over_a_dead_worker_says_what_happened():
    message = "code -9.*fewer workers.*Run the command again"
    with pytest.raises(WorkerDiedError, match=message), WorkerWatchdog(patience=60):
        die("run_worker")
        raise RuntimeError("Channel closed prematurely.")


def test_an_error_while_all_workers_live_stays_as_it_is():
    with pytest.raises(RuntimeError, match="^mistake$"), WorkerWatchdog():
        raise RuntimeError("mistake")


def test_errors_of_other_threads_go_where_they_used_to(monkeypatch):
    seen, told = [], []
    monkeypatch.setattr(threading, "excepthook", seen.append)
    usual = threading.excepthook
    with WorkerWatchdog(told.append, patience=0.0):
        die("another")
    assert (len(seen), told) == (1, [])
    assert threading.excepthook is usual


@pytest.mark.skipif(not os.path.exists("/proc"), reason="needs /proc")
def test_processes_are_found_below_a_shell_too():
    script = f"{sys.executable} -c 'print(1, flush=True); input()'; true"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(script, shell=True, **pipes) as shell:
        assert shell.stdout.readline() == b"1\n"
        found = _processes_below(os.getpid())
        assert shell.pid in found
        assert len(_processes_below(shell.pid)) == 1
        assert set(_processes_below(shell.pid)) <= set(found)
        shell.communicate(b"\n")


COMMAND = "import sys; from data_prep.create_pretraining_data import main; sys.exit(main())"


def start(arguments):
    root = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
    environment = {**os.environ, "PYTHONPATH": root, "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, *arguments],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )


def workers_of(job):
    """The processes below a job that run Beam's worker program, not the shells that start them."""
    found = []
    for process in _processes_below(job):
        with contextlib.suppress(OSError), open(f"/proc/{process}/cmdline", "rb") as stream:
            arguments = stream.read().split(b"\0")
            if arguments[1:3] == [b"-m", b"apache_beam.runners.worker.sdk_worker_main"]:
                found.append(process)
    return found


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc"), reason="needs /proc")
def test_a_killed_worker_ends_the_job_and_the_next_run_completes_it(
    tmp_path, corpus_text, vocab_file, prepare
):
    corpus = tmp_path / "corpus.txt"
    corpus.write_text(corpus_text)
    flags = ["--max_seq_length=32", "--max_predictions_per_seq=5", "--dupe_factor=2"]
    flags += ["--num_shards=3", "--heldout_fraction=0.2", "--sentences=given"]
    arguments = [f"--input={corpus}", f"--vocab_file={vocab_file}", *flags]
    arguments.append(f"--output={tmp_path}/killed")
    parallel = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]
    job = start([*arguments, *parallel])
    try:
        while not (workers := workers_of(job.pid)):
            assert job.poll() is None
            time.sleep(0.1)
        killed = time.monotonic()
        os.kill(workers[-1], signal.SIGKILL)
        _, errors = job.communicate(timeout=60)
    finally:
        for process in [*_processes_below(job.pid), job.pid]:
            with contextlib.suppress(OSError):
                os.kill(process, signal.SIGKILL)
    assert time.monotonic() - killed < 60
    assert job.returncode == 1
    assert "a worker process ended before its work did" in errors
    assert not (tmp_path / "killed" / "COMPLETED").exists()

    def hashes(folder):
        return {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.glob("*.tfrecord")
        }

    assert hashes(prepare(corpus, output="killed")) == hashes(prepare(corpus, output="whole"))
