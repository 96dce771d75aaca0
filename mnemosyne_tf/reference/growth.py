"""Position tables that grow with word tables, in NumPy; see `position_growth`."""

from collections.abc import Sequence

import numpy as np

from mnemosyne_tf.parameter_roles import POSITION_TABLE, WORD_TABLE


def sizes_of_words(weights: Sequence[np.ndarray], roles: Sequence[str]) -> dict[int, float]:
    """The root mean square of the words that each position table follows, by its index."""
    sizes = {}
    for index, (weight, role) in enumerate(zip(weights, roles, strict=True)):
        if role != POSITION_TABLE:
            continue
        words = [
            other.ravel()
            for other, role_of_other in zip(weights, roles, strict=True)
            if role_of_other == WORD_TABLE and other.shape[-1] == weight.shape[-1]
        ]
        if words:
            sizes[index] = np.sqrt((np.concatenate(words) ** 2).mean())
    return sizes


def grow_positions(
    weights: Sequence[np.ndarray], roles: Sequence[str], before: dict[int, float], exponent: float
) -> None:
    """Scales position tables after a step, in place; `before` is of `sizes_of_words`."""
    for index, after in sizes_of_words(weights, roles).items():
        weights[index] *= (after / before[index]) ** exponent
