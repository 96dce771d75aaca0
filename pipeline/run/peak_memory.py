"""How much memory a call adds at its peak to what the process holds already."""

from __future__ import annotations

import ctypes
import pathlib
from collections.abc import Callable

import tensorflow as tf

_STATUS = pathlib.Path("/proc/self/status")
_CLEAR = pathlib.Path("/proc/self/clear_refs")
_RESET_PEAK = "5"  # proc(5): resets the peak resident set size


def peak_memory_of(call: Callable[[], None], device: str) -> int | None:
    """Runs the call and returns the bytes that it added at its peak; None if nobody counts them.

    Args:
      call: has run before, so that compiling it is not counted.
      device: the GPU that it runs on, as in `device_names`; of a CPU the process is measured, on
        Linux.
    """
    if device.startswith("GPU"):
        before = tf.config.experimental.get_memory_info(device)["current"]
        tf.config.experimental.reset_memory_stats(device)
        call()
        return tf.config.experimental.get_memory_info(device)["peak"] - before
    try:
        # What was freed counts as held until it is handed back: see `pipeline.malloc`.
        ctypes.CDLL(None).malloc_trim(0)
        _CLEAR.write_text(_RESET_PEAK)
        before = _kibibytes("VmRSS")
        call()
        return 1024 * (_kibibytes("VmHWM") - before)
    except (OSError, AttributeError):  # no Linux, no glibc, or a sandbox
        call()
        return None


def _kibibytes(field: str) -> int:
    lines = _STATUS.read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))
