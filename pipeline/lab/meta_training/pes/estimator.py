"""The gradient that persistent evolution strategies estimate, in NumPy.

A run is unrolled in truncations. In each, a pair of particles draws a perturbation e anew and runs
with theta + e and theta - e, each from where it stands. The loss of a truncation is due to all
perturbations since the start of its run, so it is their sum that the difference is assigned to:

    sum_t    <- sum_{t-1} + e_t                         0 where a run starts
    gradient  = mean over pairs of  sum_t (L+ - L-) / (2 sigma^2)

With the e_t of the last truncation alone it would be that of a truncated unroll: greedy. A pair may
also keep one e for its whole run, which then stands for the sum: the estimate has less noise where
the gradients of all truncations point the same way.

Source: Vicol, Metz and Sohl-Dickstein 2021 (PES); Vicol 2023 (ES-Single).
"""

from __future__ import annotations

import numpy as np


def gradient(sums: np.ndarray, plus: np.ndarray, minus: np.ndarray, *, sigma: float) -> np.ndarray:
    """The estimate from one truncation, `[num_coords]`.

    Args:
        sums: of the perturbations of each pair since its run began, or the one that it kept,
            `[pairs, num_coords]`.
        plus, minus: losses of the particles in this truncation, `[pairs]`; their weights included.
        sigma: standard deviation of a perturbation.
    """
    return (plus - minus) @ sums / (2.0 * sigma**2 * len(sums))
