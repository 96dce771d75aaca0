"""Separable natural evolution: the search that moves tens of numbers by the ranks of their scores.

    members     x_i = mean + deviation * e_i,  e_i normal, in mirrored pairs e, -e
    utilities   u_i from the rank of the score alone, the best first, their sum 0
    mean        mean + deviation * sum u_i e_i
    deviation   deviation * exp(rate / 2 * sum u_i (e_i^2 - 1))

Ranks make it independent of the scale of the scores and of a run that exploded; mirrored pairs
cancel what is even in e, most of the noise in the mean's step.

Source: Schaul, Glasmachers and Schmidhuber 2011 (SNES); Wierstra et al. 2014 (utilities).
Differs: mirrored pairs (Brockhoff et al. 2010).
"""

from __future__ import annotations

import dataclasses

import numpy as np

from pipeline.lab.derived_seed import derived_rng


@dataclasses.dataclass(frozen=True)
class Population:
    """State of the search.

    Attributes:
        mean: float64 `[num_coords]`.
        deviation: float64 `[num_coords]`.
        generation: generations so far.
    """

    mean: np.ndarray
    deviation: np.ndarray
    generation: int = 0

    @classmethod
    def around_zero(cls, num_coords: int, spread: float) -> Population:
        """The first population."""
        return cls(np.zeros(num_coords), np.full(num_coords, spread))

    def draws(self, num_members: int, seed: int) -> np.ndarray:
        """Mirrored normal numbers of this generation, `[num_members, num_coords]`."""
        rng = derived_rng(seed, self.generation)
        half = rng.standard_normal((num_members // 2, len(self.mean)))
        return np.concatenate([half, -half])

    def members(self, draws: np.ndarray) -> np.ndarray:
        """The points that belong to draws."""
        return self.mean + self.deviation * draws

    def next(self, draws: np.ndarray, scores: np.ndarray) -> Population:
        """The population after a generation.

        Args:
            draws: `[num_members, num_coords]`, of its members.
            scores: `[num_members]`, the lower the better; NaN is the worst.
        """
        weights = utilities(scores)
        rate = (3 + np.log(len(self.mean))) / (5 * np.sqrt(len(self.mean)))
        return Population(
            mean=self.mean + self.deviation * (weights @ draws),
            deviation=self.deviation * np.exp(rate / 2 * (weights @ (draws**2 - 1))),
            generation=self.generation + 1,
        )


def utilities(scores: np.ndarray) -> np.ndarray:
    """Weights of the members, `[num_members]`, that sum to zero; equal scores share theirs."""
    count = len(scores)
    raw = np.maximum(0.0, np.log(count / 2 + 1) - np.log(np.arange(1, count + 1)))
    by_rank = raw / raw.sum() - 1 / count
    scores = np.where(np.isnan(scores), np.inf, scores)
    return np.array([by_rank[np.sort(scores) == score].mean() for score in scores])
