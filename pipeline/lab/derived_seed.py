"""Seeds derived from one seed and a purpose, so that no two uses share a stream."""

from __future__ import annotations

import numpy as np


def derived_rng(seed: int, *purpose: int) -> np.random.Generator:
    """Returns the generator of one purpose.

    Args:
        seed: of the recipe.
        *purpose: what is drawn, and its index; equal tuples give equal streams.
    """
    return np.random.default_rng([seed, *purpose])


def derived_seed(seed: int, *purpose: int) -> int:
    """Returns a seed in [0, 2^31 - 2), of `derived_rng` with the same arguments."""
    return int(derived_rng(seed, *purpose).integers(2**31 - 2))
