"""The numbers that evolution moves, and what they mean as meta-parameters.

A point of the search space is a vector; zero is the nominal set. In every coordinate a step of one
is a large change: a rate times e, a memory of momentum e times as long, a warm-up whose odds are e
times as high, a decay that begins half a run later (or does so with every doubling of the labels),
an exponent one higher, a tenth in the weights of a head.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mnemosyne_tf.meta_params import MetaParams
from mnemosyne_tf.nominal_rule import NOMINAL_RULE
from mnemosyne_tf.parameter_roles import HORIZON_ENTRIES, RATE_ENTRIES

_HEAD_SCALE = 0.1


def _logit(fraction):
    return np.log(fraction) - np.log1p(-fraction)


def _expit(odds):
    return 1.0 / (1.0 + np.exp(-odds))


# From a value to a coordinate, and back.
_LOGARITHM = (np.log, np.exp)
_COMPLEMENT = (lambda decay: -np.log1p(-decay), lambda x: -np.expm1(-x))
_ODDS = (_logit, _expit)
_HALVES = (lambda fraction: 2.0 * fraction, lambda x: x / 2.0)
_HEAD = (lambda value: value / _HEAD_SCALE, lambda x: _HEAD_SCALE * x)
_IDENTITY = (lambda value: value, lambda x: x)
_SCALES = {
    "rule/matrix_rate": _LOGARITHM,
    "rule/elementwise_rate": _LOGARITHM,
    "rule/momentum_decay": _COMPLEMENT,
    "rule/second_moment_decay": _COMPLEMENT,
    "rule/warmup_fraction": _ODDS,
    "rule/decay_start": _HALVES,
    "rule/decay_delay": _HALVES,
    "rule/decay_power": _LOGARITHM,
    "rule/position_growth": _LOGARITHM,
    "rule/warmup_steps": _LOGARITHM,
    "rule/batch_exponent": _IDENTITY,
    "rule/length_exponent": _IDENTITY,
    **dict.fromkeys((*RATE_ENTRIES.values(), *HORIZON_ENTRIES.values()), _LOGARITHM),
    "memory/log_tau": _IDENTITY,
    "step_head/kernel": _HEAD,
    "step_head/bias": _HEAD,
}


class SearchSpace:
    """Vectors around a set of meta-parameters.

    Args:
        nominal: the set at zero.
        entries: names of the meta-parameters that move.
    """

    def __init__(self, nominal: MetaParams, entries: Sequence[str]):
        self.nominal = nominal
        self._entries = list(entries)
        self._bounds = nominal.structure.bounds()
        self._sizes = [nominal.values[name].size for name in self._entries]

    @property
    def num_coords(self) -> int:
        """Length of a vector."""
        return sum(self._sizes)

    def values(self, points: np.ndarray) -> dict[str, np.ndarray]:
        """Meta-parameters of some points.

        Args:
            points: `[num_points, num_coords]`.

        Returns:
            Float32 `[num_points, *shape]` by name: what moves, and the scalars of the rule.
        """
        parts = np.split(points, np.cumsum(self._sizes)[:-1], axis=1)
        moved = dict(zip(self._entries, parts, strict=True))
        names = dict.fromkeys([*NOMINAL_RULE, *self._entries])
        return {name: self._values_of(name, moved.get(name), len(points)) for name in names}

    def meta_params(self, point: np.ndarray) -> MetaParams:
        """The whole set at one point."""
        values = self.values(point[np.newaxis])
        moved = {name: value[0] for name, value in values.items()}
        return MetaParams(self.nominal.structure, {**self.nominal.values, **moved})

    def inside(self, point: np.ndarray) -> np.ndarray:
        """The nearest point whose values keep their bounds: beyond them nothing changes any more.

        Without it a search that begins at a bound drifts away from all that differs.
        """
        parts = np.split(point, np.cumsum(self._sizes)[:-1])
        return np.concatenate(
            [self._clip(name, part) for name, part in zip(self._entries, parts, strict=True)]
        )

    def _clip(self, name: str, part: np.ndarray) -> np.ndarray:
        if name not in self._bounds:
            return part
        to_coordinate, _ = _SCALES[name]
        with np.errstate(divide="ignore"):  # a bound may lie infinitely far away
            low, high = to_coordinate(np.array(self._bounds[name], np.float64))
        centre = to_coordinate(self.nominal.values[name].astype(np.float64))
        return np.clip(part, low - centre, high - centre)

    def _values_of(self, name: str, part: np.ndarray | None, num_points: int) -> np.ndarray:
        start = self.nominal.values[name]
        if part is None:
            return np.broadcast_to(start, [num_points, *start.shape])
        to_coordinate, to_value = _SCALES[name]
        centre = to_coordinate(start.astype(np.float64))
        value = to_value(centre + part.reshape([num_points, *start.shape]))
        return np.clip(value, *self._bounds.get(name, (None, None))).astype(np.float32)
