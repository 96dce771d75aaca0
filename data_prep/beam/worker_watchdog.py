"""Ends a command whose worker process died; Beam's local runner would wait for it forever.

With --direct_running_mode=multi_processing, Beam starts workers and waits for their answers. A
worker that is killed, most often by the kernel for lack of memory, never answers; only the thread
that started it ends with an error, and the watchdog notices that.
"""

from __future__ import annotations

import contextlib
import glob
import os
import signal
import sys
import threading
from collections.abc import Callable

_BEAM_WORKER_THREAD = "run_worker"
_SECONDS_FOR_BEAM_TO_END = 10.0
_MESSAGE = (
    "a worker process ended before its work did ({cause}). If the kernel killed it for lack of "
    "memory, use fewer workers (--direct_num_workers) or more --num_shards. Run the command "
    "again: what is finished is kept."
)


class WorkerDiedError(RuntimeError):
    """A worker process died and the pipeline ended because of it."""


class WorkerWatchdog:
    """Watches the workers while the pipeline runs; use as a context manager around it.

    Where Beam itself fails over the death, its error becomes a `WorkerDiedError`.

    Args:
        on_death: called from another thread with the cause, when the block has not ended by itself
            within `patience`. By default it ends the process with exit code 1, because the main
            thread cannot be woken.
        patience: seconds that Beam has to end by itself.
    """

    def __init__(
        self,
        on_death: Callable[[str], None] | None = None,
        *,
        patience: float = _SECONDS_FOR_BEAM_TO_END,
    ):
        self._on_death = on_death or _end_process
        self._patience = patience
        self._is_left = threading.Event()
        self._cause: str | None = None

    def __enter__(self) -> WorkerWatchdog:
        self._usual_hook = threading.excepthook
        threading.excepthook = self._hook
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._is_left.set()
        threading.excepthook = self._usual_hook
        if self._cause and isinstance(error, Exception):
            raise WorkerDiedError(_MESSAGE.format(cause=self._cause)) from error

    def _hook(self, failure: threading.ExceptHookArgs) -> None:
        if failure.thread is None or failure.thread.name != _BEAM_WORKER_THREAD:
            self._usual_hook(failure)
            return
        cause = self._cause = str(failure.exc_value)
        # A thread of its own: Beam, when it does end, waits for the one that failed.
        threading.Thread(target=self._wait_and_end, args=(cause,), daemon=True).start()

    def _wait_and_end(self, cause: str) -> None:
        if not self._is_left.wait(self._patience):
            self._on_death(cause)


def _end_process(cause: str) -> None:
    print(f"\nmnemosyne: error: {_MESSAGE.format(cause=cause)}", file=sys.stderr, flush=True)
    for process in _processes_below(os.getpid()):
        with contextlib.suppress(OSError):
            os.kill(process, signal.SIGKILL)
    os._exit(1)


def _processes_below(process: int) -> list[int]:
    """Returns children, their children and so on; none where the system does not tell."""
    found: list[int] = []
    for path in glob.glob(f"/proc/{process}/task/*/children"):
        with contextlib.suppress(OSError), open(path, encoding="ascii") as stream:
            found += map(int, stream.read().split())
    return found + [each for child in found for each in _processes_below(child)]
