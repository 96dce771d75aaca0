"""Smaller steps for earlier layers, with any optimizer.

The optimizer makes its step; then each variable goes back a part of its way. So the factor acts as
on a learning rate, weight decay included, for rules that have no rate by layer.

Source: Clark et al. 2020 (arXiv 2003.10555), section 3.1; on vision transformers: Bao et al. 2022
(arXiv 2106.08254), appendix.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import tensorflow as tf

_BLOCK = re.compile(r"/layer_(\d+)/")


def step_factors(names: Sequence[str], num_layers: int, decay: float) -> list[float]:
    """Returns the factor of each variable's steps, in (0, 1]: 1 for the last norm and the head.

    Args:
      names: of the variables of a `ViTClassifier`.
      num_layers: its blocks.
      decay: factor of a layer over the next one's.
    """
    return [decay ** (num_layers + 1 - _depth(name, num_layers)) for name in names]


def _depth(name: str, num_layers: int) -> int:
    """0 for the embeddings, then the number of the block from 1, then all that follows."""
    if block := _BLOCK.search(name):
        return 1 + int(block[1])
    return 0 if "/embeddings/" in name else num_layers + 1


def smaller_steps(
    variables: Sequence[tf.Variable], factors: Sequence[float], make_step: Callable[[], None]
) -> None:
    """Calls `make_step`, then moves each variable to `factor` of the way that it went."""
    before = [
        tf.identity(variable) if factor != 1 else None
        for variable, factor in zip(variables, factors, strict=True)
    ]
    make_step()
    for variable, value, factor in zip(variables, before, factors, strict=True):
        if value is not None:
            variable.assign(value + factor * (variable - value))
