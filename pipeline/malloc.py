"""Keeps the C library from handing memory back between steps.

A training step, or a block of records in preparation, allocates and frees the same buffers of some
megabytes. glibc returns such blocks to the kernel at once; page faults then take a quarter of each
training step on a CPU, and a tenth of preparation.
"""

from __future__ import annotations

import ctypes
import os

_LARGEST = 2**31 - 1
_TOP_PAD = 256 * 2**20
# glibc's mallopt, and the variables that a process reads when it starts.
_SETTINGS = (
    (-4, "MALLOC_MMAP_MAX_", 0),
    (-1, "MALLOC_TRIM_THRESHOLD_", _LARGEST),
    (-2, "MALLOC_TOP_PAD_", _TOP_PAD),
)


# Large pages where the kernel gives them on request; glibc reads it when a process starts.
_HUGE_PAGES = "glibc.malloc.hugetlb=1"


def best_environment() -> dict[str, str]:
    """Returns the variables with which a process of any program starts tuned so, too."""
    settings = {variable: str(value) for _, variable, value in _SETTINGS}
    return {**settings, "GLIBC_TUNABLES": _HUGE_PAGES}


def keep_freed_memory() -> bool:
    """Tells glibc to reuse freed memory, here and in processes that this one starts.

    Returns whether the C library is glibc and took the settings.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # not glibc
        return False
    for _, variable, value in _SETTINGS:
        os.environ.setdefault(variable, str(value))
    return all(mallopt(parameter, value) for parameter, _, value in _SETTINGS)
