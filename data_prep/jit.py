"""Loops over tokens, compiled to machine code by Numba.

What is done for every token of every record (to pair, to mask, to encode) has no fast form in
NumPy: each of its operations goes over a whole block in memory. Compiled, a loop that reads like
the original's keeps one record in the nearest cache.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiles a function at its first call, for the types of its arguments.

    The machine code is kept beside the module (or in the user's cache), so only the first run of
    an installation compiles; where nothing can be written, every process does.
    """
    try:
        return numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:  # no place for the cache
        return numba.njit(nogil=True)(function)
