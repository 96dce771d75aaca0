"""Adam on meta-parameters, in NumPy, so that a saved state continues bit for bit."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

import numpy as np

B1, B2, EPSILON = 0.9, 0.999, 1e-8
MAX_NORM = 1.0

Values = Mapping[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class MetaAdam:
    """State of Adam.

    Attributes:
        values: the meta-parameters that are learned, float32.
        momentum, second_moment: of their gradients, same names and shapes.
        meta_step: meta-steps so far.
    """

    values: Values
    momentum: Values
    second_moment: Values
    meta_step: int = 0

    @classmethod
    def start(cls, values: Values) -> MetaAdam:
        """The state before the first meta-step."""
        zeros = {name: np.zeros_like(value) for name, value in values.items()}
        return cls(values, zeros, zeros)

    def next(self, gradients: Values, rate: float) -> MetaAdam:
        """The state after one meta-step.

        Args:
            gradients: of the meta-loss.
            rate: length of a step.
        """
        count = self.meta_step + 1
        momentum = _mix(self.momentum, gradients, B1)
        squares = {name: np.square(each) for name, each in gradients.items()}
        second_moment = _mix(self.second_moment, squares, B2)
        values = {}
        for name, value in self.values.items():
            root = np.sqrt(second_moment[name] / (1 - B2**count)) + EPSILON
            step = rate * momentum[name] / (1 - B1**count) / root
            values[name] = (value - step).astype(np.float32)
        return MetaAdam(values, momentum, second_moment, count)


def mean_of_clipped(gradients: Values) -> dict[str, np.ndarray]:
    """Mean of the gradients of runs, each brought to a norm of `MAX_NORM` at most.

    A run whose gradient is not finite anywhere counts 0 as a whole. So no run dominates or cancels
    another.

    Args:
        gradients: `[runs, *shape]` by name.
    """
    # float64: squares of gradients of an unrolled run overflow float32 long before they do.
    squares = [np.square(each, dtype=np.float64) for each in gradients.values()]
    norms = np.sqrt(sum(each.reshape(len(each), -1).sum(axis=1) for each in squares))
    counts = np.isfinite(norms)
    scales = MAX_NORM / np.maximum(norms[counts], MAX_NORM) / len(norms)
    return {
        name: np.tensordot(scales, each[counts], axes=1).astype(np.float32)
        for name, each in gradients.items()
    }


def norm(gradients: Values) -> float:
    """Root of the sum of all squares."""
    return float(np.sqrt(sum(np.sum(np.square(each)) for each in gradients.values())))


def decaying_rate(meta_step: int, num_meta_steps: int, first: float, last: float) -> float:
    """Half a cosine from the first rate to the last."""
    return last + (first - last) * 0.5 * (1.0 + math.cos(math.pi * meta_step / num_meta_steps))


def _mix(old: Values, new: Values, decay: float) -> dict[str, np.ndarray]:
    return {name: np.float32(decay) * old[name] + np.float32(1 - decay) * new[name] for name in old}
