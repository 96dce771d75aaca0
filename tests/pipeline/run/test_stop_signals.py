import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
import tensorflow as tf

from pipeline.run.stop_signals import RunStopped, StopSignals, make_any_worker

ROOT = pathlib.Path(__file__).parents[3]
STRATEGY = tf.distribute.get_strategy()


class Checkpoint:
    steps_done = 7

    def __init__(self):
        self.saves = 0

    def save(self):
        self.saves += 1


def wait_until(condition):
    """The note is taken by a thread, at once; a busy machine gets ten seconds."""
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert condition()


@pytest.fixture(name="number", params=[signal.SIGTERM, signal.SIGINT])
def fixture_number(request):
    """Not ignored, as SIGINT is by what a shell starts in the background."""
    before = signal.signal(request.param, signal.SIG_DFL)
    yield request.param
    signal.signal(request.param, before)


def test_the_first_signal_is_noted_and_the_run_ends_saved(number, capsys):
    before = signal.getsignal(number)
    checkpoint = Checkpoint()
    with StopSignals(STRATEGY) as signals:
        signals.end_run_if_received(checkpoint)
        assert not checkpoint.saves
        os.kill(os.getpid(), number)
        wait_until(lambda: signals.received)
        with pytest.raises(RunStopped, match=f"{number.name}: saved at step 7; run the same comm"):
            signals.end_run_if_received(checkpoint)
    assert checkpoint.saves == 1
    assert signal.getsignal(number) is before
    assert "once more ends at once" in capsys.readouterr().err


def test_an_ignored_signal_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with StopSignals(STRATEGY):
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_outside_the_main_thread_nothing_changes():
    handlers = []

    def run():
        with StopSignals(STRATEGY):
            handlers.append(signal.getsignal(signal.SIGTERM))

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert handlers == [before]


def start_python(program, *arguments, **environment):
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )


SLEEPER = """
import time, tensorflow as tf
from pipeline.run.stop_signals import StopSignals
with StopSignals(tf.distribute.get_strategy()):
    print("ready", flush=True)
    time.sleep(120)
"""


def test_the_second_signal_ends_the_process_at_once():
    sleeper = start_python(SLEEPER)
    try:
        assert sleeper.stdout.readline() == "ready\n"
        sleeper.send_signal(signal.SIGTERM)
        time.sleep(1.0)  # two of one kind that arrive together are one
        assert sleeper.poll() is None
        sleeper.send_signal(signal.SIGTERM)
        assert sleeper.wait(timeout=60) == 128 + signal.SIGTERM
        assert "SIGTERM again" in sleeper.stderr.read()
    finally:
        sleeper.kill()
        sleeper.communicate()


def test_one_worker_decides_by_itself():
    any_worker = make_any_worker(STRATEGY)
    assert any_worker(True) is True
    assert any_worker(False) is False


WORKER = """
import sys, tensorflow as tf
from pipeline.run.stop_signals import make_any_worker
strategy = tf.distribute.MultiWorkerMirroredStrategy()
any_worker = make_any_worker(strategy)
mine = sys.argv[1]
print([any_worker(mine in flags) for flags in ("", "0", "1", "01", "")])
"""


@pytest.mark.slow
def test_all_workers_stop_when_one_received_the_signal():
    with socket.socket() as first, socket.socket() as second:
        for each in (first, second):
            each.bind(("localhost", 0))
        workers = [f"localhost:{each.getsockname()[1]}" for each in (first, second)]
    processes = [
        start_python(
            WORKER,
            str(index),
            TF_CONFIG=json.dumps(
                {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}
            ),
        )
        for index in range(2)
    ]
    try:
        for process in processes:
            printed, errors = process.communicate(timeout=240)
            assert printed == "[False, True, True, True, False]\n", errors
    finally:
        for process in processes:
            process.kill()
