import os
import signal
import subprocess
import sys
import threading
import time

import pytest
import tensorflow as tf

from pipeline.run.stop_signals import RunStopped, StopSignals, any_worker

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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
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


SLEEPER = """
import time, tensorflow as tf
from pipeline.run.stop_signals import StopSignals
with StopSignals(tf.distribute.get_strategy()):
    print("ready", flush=True)
    time.sleep(120)
"""


def test_the_second_signal_ends_the_process_at_once():
    sleeper = subprocess.Popen(
        [sys.executable, "-c", SLEEPER],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )
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
    assert any_worker(STRATEGY, True) is True
    assert any_worker(STRATEGY, False) is False
