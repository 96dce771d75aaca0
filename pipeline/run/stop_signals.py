"""SIGTERM and SIGINT to a run that ends after the steps in progress, with a checkpoint."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable

import tensorflow as tf

from pipeline.run.checkpoints import TrainingCheckpoint

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class RunStopped(KeyboardInterrupt):
    """A signal stopped the run, and its state is saved; the message says how to go on.

    A `KeyboardInterrupt`, so that code which trains several runs stops, too.
    """


class StopSignals:
    """Takes note of SIGTERM and SIGINT while the context lasts; a second one ends the process.

    Python runs a handler only between two calls into TensorFlow, which may be a minute apart. Here
    a thread reads the number of each signal from a pipe at once. Outside the main thread, where
    Python allows no handlers, and for a signal that is ignored (as SIGINT is by a job in the
    background of a shell), nothing changes.

    Args:
      strategy: whose workers end at the same step.
    """

    def __init__(self, strategy: tf.distribute.Strategy):
        self.received: str | None = None
        self._any_worker = make_any_worker(strategy)

    def __enter__(self) -> StopSignals:
        self._handlers: dict = {}
        if threading.current_thread() is not threading.main_thread():
            return self
        self._read_end, write_end = os.pipe()
        os.set_blocking(write_end, False)
        self._write_end = write_end
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        self._wakeup = signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._handlers[number] = signal.signal(number, _leave_to_the_thread)
        return self

    def __exit__(self, *exception) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        for number, handler in self._handlers.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        signal.set_wakeup_fd(self._wakeup)
        os.close(self._write_end)
        self._thread.join()
        os.close(self._read_end)

    def end_run_if_received(self, checkpoint: TrainingCheckpoint) -> None:
        """Saves and raises `RunStopped` if this worker or another one received a signal."""
        if self._any_worker(self.received is not None):
            checkpoint.save()
            raise RunStopped(
                f"{self.received or 'a signal to another worker'}: saved at step "
                f"{checkpoint.steps_done:,}; run the same command again to go on"
            )

    def _listen(self) -> None:
        while number := os.read(self._read_end, 1):
            if (number := number[0]) in self._handlers:
                self._note(signal.Signals(number))

    def _note(self, number: signal.Signals) -> None:
        if self.received:
            print(f"\npretrain: {number.name} again, ends without saving", file=sys.stderr)
            sys.stderr.flush()
            os._exit(128 + number)
        self.received = number.name
        print(
            f"\npretrain: {number.name}, ends after the steps in progress and saves; once more "
            "ends at once",
            file=sys.stderr,
            flush=True,
        )


def make_any_worker(strategy: tf.distribute.Strategy) -> Callable[[bool], bool]:
    """Returns a function that says whether its flag is set on any worker; all must call it.

    A signal reaches the workers at different steps; one that stopped by itself would leave the
    others waiting for its gradients.
    """
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return bool

    @tf.function
    def num_set(flag):
        flags = strategy.run(tf.identity, args=(flag,))
        return strategy.reduce(tf.distribute.ReduceOp.SUM, flags, axis=None)

    return lambda flag: int(num_set(tf.constant(int(flag)))) > 0


def _leave_to_the_thread(number, frame) -> None:
    """Does nothing: Python writes the number of a signal that has a handler into the pipe."""
