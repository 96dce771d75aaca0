"""The numbers of the levers as one vector, and their meaning as meta-parameters."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from mnemosyne_tf import MetaParams, Structure
from mnemosyne_tf.learned.model_entries import ROLE_HEAD, ZERO_HEADS
from pipeline.lab.meta_training.pes.settings import LEVERS, PesRecipe


class LeverSpace:
    """Vectors of all numbers that a recipe learns.

    Args:
        recipe: what is learned.
    """

    def __init__(self, recipe: PesRecipe):
        structure = Structure(
            level="model",
            width=recipe.width,
            num_random_features=recipe.num_random_features,
            num_memory_heads=recipe.num_memory_heads,
            seed=recipe.seed,
            **LEVERS[recipe.levers],
        )
        rule = MetaParams.resolve(recipe.base).values
        values = dict(MetaParams.nominal(structure).values)
        values |= {name: rule[name] for name in values if name.startswith("rule/")}
        self.start = MetaParams(structure, values)
        self.names = _learned(recipe, values)
        self._shapes = {name: values[name].shape for name in self.names}

    @property
    def origin(self) -> np.ndarray:
        """The vector of the untrained set: random encoder, heads of zeros."""
        return np.concatenate([self.start.values[name].ravel() for name in self.names])

    def at_rest(self, point: np.ndarray) -> np.ndarray:
        """The same encoder with heads of zeros: the rule beneath."""
        parts = self.values(point[np.newaxis])
        return np.concatenate(
            [(0.0 if name in ZERO_HEADS else 1.0) * part.ravel() for name, part in parts.items()]
        )

    def head_sizes(self, point: np.ndarray) -> dict[str, float]:
        """Root mean squares of the heads, for logs: how far they are from zero."""
        parts = self.values(point[np.newaxis])
        return {
            name: float(np.sqrt(np.mean(np.square(parts[name]))))
            for name in ZERO_HEADS
            if name in parts
        }

    def values(self, points: np.ndarray) -> dict[str, np.ndarray]:
        """Float32 `[num_points, *shape]` by name, of points `[num_points, num_coords]`."""
        values, at = {}, 0
        for name, shape in self._shapes.items():
            size = int(np.prod(shape))
            values[name] = points[:, at : at + size].reshape(-1, *shape).astype(np.float32)
            at += size
        return values

    def meta_params(self, point: np.ndarray) -> MetaParams:
        """The whole set at one point."""
        moved = {name: value[0] for name, value in self.values(point[np.newaxis]).items()}
        return MetaParams(self.start.structure, {**self.start.values, **moved})


def _learned(recipe: PesRecipe, names: Iterable[str]) -> list[str]:
    if recipe.levers == "constants":
        return [ROLE_HEAD]
    if recipe.learned == "heads":
        return list(ZERO_HEADS)
    return [name for name in names if not name.startswith("rule/")]
