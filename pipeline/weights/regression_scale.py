"""The head of a regression: ours gives -1 to 1 over the range of the scores, others' the scores."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from pipeline.weights.model_description import ModelDescription

_KERNEL, _BIAS = "head/kernel", "head/bias"


def scores_of_head(
    weights: Mapping[str, np.ndarray], description: ModelDescription
) -> tuple[Mapping[str, np.ndarray], ModelDescription]:
    """Returns a model whose head gives scores: that of a regression is scaled to its range.

    Every other model is returned as it is. `score_range` is None afterwards, which means that the
    output of the head is the score.
    """
    if description.score_range is None:
        return weights, description
    low, high = description.score_range
    half = np.float32((high - low) / 2)
    scaled = {
        _KERNEL: weights[_KERNEL] * half,
        _BIAS: weights[_BIAS] * half + np.float32(low) + half,
    }
    return {**weights, **scaled}, dataclasses.replace(description, score_range=None)
