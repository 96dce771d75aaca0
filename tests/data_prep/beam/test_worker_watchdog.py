import os
import subprocess
import sys
import threading
import time

import pytest

from data_prep.beam.worker_watchdog import WorkerDiedError, WorkerWatchdog, _processes_below


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
