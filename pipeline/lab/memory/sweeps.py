"""The six sweeps of `mnemosyne bench memory`; each row is one point of a picture."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from mnemosyne_tf.learned import random_features
from pipeline.lab.memory.recall import Recall, Setting, features, recall

COUNTS = (2, 4, 8, 16, 32, 64, 128, 256)
DIMENSIONS = (4, 8, 16, 32, 64)
FEATURES = (8, 16, 32, 64, 128, 256, 512)
LENGTHS = (0.35, 0.5, random_features.RADIUS, 1.0, 1.4, 2.0, 2.8)
SQUARES = np.array([0.25, 0.5, 1.0, 2.0, 3.0])
# The estimate has a heavy tail; with fewer draws its deviation comes out too small.
_INDEPENDENT_FEATURES, _ORTHOGONAL_FEATURES = 200_000, 10_000
_MAX_QUERIES = 32
_AGE_BINS = 8

Row = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Sweeps:
    """The values that stay as they are while something else is swept.

    Attributes:
        base: the setting; its `num_features` and `tau` are not used.
        num_features: the memories to compare.
        taus: the discounts to compare.
        patterns: stored patterns where their number is not swept.
        seeds: random draws behind every error bar.
    """

    base: Setting
    num_features: Sequence[int]
    taus: Sequence[float]
    patterns: int
    seeds: int

    def run(self) -> dict[str, list[Row]]:
        """All six, by name."""
        return {
            "kernel": self.kernel(),
            "counts": self.counts(),
            "dimensions": self.dimensions(),
            "lengths": self.lengths(),
            "features": self.features(),
            "ages": self.ages(),
        }

    def kernel(self) -> list[Row]:
        """Relative deviation of phi(q) . phi(k) from exp(q . k), against S = |q + k|^2."""
        return [row for r in self.num_features for row in self._kernel_rows(r)]

    def counts(self) -> list[Row]:
        """Patterns found, against the number stored."""
        return self._rows((self._setting(num_features=r), COUNTS) for r in self.num_features)

    def dimensions(self) -> list[Row]:
        """Patterns found, against their dimension."""
        return self._rows(
            (self._setting(num_features=r, dimension=d), [self.patterns])
            for r in self.num_features
            for d in DIMENSIONS
        )

    def lengths(self) -> list[Row]:
        """Patterns found and distance from exact attention, against the length of q and k."""
        return self._rows(
            (self._setting(num_features=r, length=length), [self.patterns])
            for r in self.num_features
            for length in LENGTHS
        )

    def features(self) -> list[Row]:
        """Distance from exact attention, against the number of random features."""
        return self._rows(
            (self._setting(num_features=r, length=length), [self.patterns])
            for length in sorted({random_features.RADIUS, 1.0, self.base.length})
            for r in FEATURES
        )

    def ages(self) -> list[Row]:
        """Patterns found, against how many were stored after; the largest memory."""
        rows, count = [], 2 * self.patterns
        for tau in self.taus:
            setting = self._setting(num_features=max(self.num_features), tau=tau)
            result = recall(setting, [count], seeds=self.seeds, max_queries=count)[count]
            for ages in np.array_split(np.argsort(result.ages), _AGE_BINS):
                part = Recall(result.ages[ages], *(each[:, ages] for each in result[1:]))
                rows.append(_row(setting, count, part) | {"age": float(part.ages.mean())})
        return rows

    def _setting(self, **changes: Any) -> Setting:
        return dataclasses.replace(self.base, **changes)

    def _rows(self, cases: Iterable[tuple[Setting, Sequence[int]]]) -> list[Row]:
        return [
            _row(setting, count, result)
            for setting, counts in cases
            for count, result in recall(
                setting, counts, seeds=self.seeds, max_queries=_MAX_QUERIES
            ).items()
        ]

    def _kernel_rows(self, num_features: int) -> list[Row]:
        measured: dict[str, list[list[float]]] = {"independent": [], "orthogonal": []}
        for seed in range(self.seeds):
            random = np.random.RandomState(seed)
            pairs = random.standard_normal([len(SQUARES), 2, self.base.dimension])
            pairs *= np.sqrt(SQUARES / (pairs.sum(axis=1) ** 2).sum(axis=1))[:, None, None]
            for kind, deviations in measured.items():
                directions = self._directions(num_features, kind, random)
                deviations.append([_deviation(pair, directions) for pair in pairs])
        return [
            {
                "num_features": num_features,
                "s": float(square),
                "predicted": predicted_deviation(square, num_features),
                **{kind: _summary(np.array(each)[:, i]) for kind, each in measured.items()},
            }
            for i, square in enumerate(SQUARES)
        ]

    def _directions(self, num_features: int, kind: str, random: np.random.RandomState):
        """Many draws of signed directions, `[draws, num_features, dimension]`."""
        dimension = self.base.dimension
        if kind == "independent":
            draws = max(1, _INDEPENDENT_FEATURES // num_features)
            drawn = random.standard_normal([draws, num_features // 2, dimension])
            return np.concatenate([drawn, -drawn], axis=1)
        drawn = (
            random_features.orthogonal_projection(
                random.randint(2**31), num_features=num_features, width=dimension
            )
            for _ in range(max(1, _ORTHOGONAL_FEATURES // num_features))
        )
        return np.stack([random_features.signed_projection(each) for each in drawn])


def _deviation(pair: np.ndarray, directions: np.ndarray) -> float:
    """Relative deviation of the kernel of q and k over draws of the directions."""
    phi = features(np.broadcast_to(pair, [len(directions), *pair.shape]), directions).numpy()
    estimates = phi.prod(axis=1).sum(axis=1) / phi.shape[2]
    return float(np.sqrt(((estimates / np.exp(pair[0] @ pair[1]) - 1.0) ** 2).mean()))


def predicted_deviation(square: float, num_features: int) -> float:
    """The relative deviation of the kernel with independent directions, S = `square`.

    sqrt((e^S - 2 + e^-S) / r): with u = w . (q + k) ~ N(0, S), each of the r / 2 directions adds
    cosh(u) / cosh's mean, and the mean of cosh(u)^2 is (1 + e^2S) / 2.
    """
    return float(np.sqrt((np.exp(square) - 2.0 + np.exp(-square)) / num_features))


def _row(setting: Setting, count: int, result: Recall) -> Row:
    return dataclasses.asdict(setting) | {
        "patterns": count,
        "found": _summary(result.found.mean(axis=1)),
        "found_exactly": _summary(result.found_exactly.mean(axis=1)),
        "error": _summary(result.error.mean(axis=1)),
    }


def _summary(of_seeds: np.ndarray) -> dict[str, float]:
    return {"mean": float(of_seeds.mean()), "std": float(of_seeds.std(ddof=1))}
