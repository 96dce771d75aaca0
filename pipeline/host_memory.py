"""Keeps the C library from handing memory back between steps.

A training step, or a block of records in preparation, allocates and frees the same buffers of some
megabytes. glibc returns such blocks to the kernel at once, and a CPU then spends a quarter of each
training step, and a tenth of preparation, on page faults.
"""

from __future__ import annotations

import ctypes

# Parameters of glibc's mallopt.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4
_TOP_PAD = 256 * 2**20


def keep_freed_memory() -> bool:
    """Tells glibc to reuse freed memory; returns whether this C library understood."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # not glibc
        return False
    settings = ((_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, 2**31 - 1), (_M_TOP_PAD, _TOP_PAD))
    return all(mallopt(parameter, value) for parameter, value in settings)
