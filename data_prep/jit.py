"""Loops over tokens, compiled to machine code by Numba.

Pairing, masking and encoding visit every token of every record. In NumPy each operation passes over
a whole block in memory; a compiled loop keeps one record in the processor's cache, and reads like
the original.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiles a function at its first call, for the types of its arguments.

    The machine code is cached next to the module, or in the user's cache folder, so only the first
    run of an installation compiles. Where neither can be written, every process compiles.
    """
    try:
        return numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:  # no folder for the cache can be written
        return numba.njit(nogil=True)(function)
