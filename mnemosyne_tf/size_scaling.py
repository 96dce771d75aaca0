"""How the built-in rates follow the size of a model, so that nobody sets them for it.

    table or readout   min(1, 64 / width)       what is read out moves by rate * width a step
    matrix             min(1, 13 / matrices)    what all layers together move stays as it is

64 and 13 are width and matrices of the BERT of two layers for which the rates were found; smaller
models keep them whole. Biases and norms always do.

Source: Yang et al. 2022 (muP: readouts as 1 / width); Large et al. 2024 (the modular norm: the
steps of all layers share one budget).
Differs: muP lets tables move alike at all widths; a masked LM reads its word table out, too.
"""

import dataclasses
import math
from collections.abc import Sequence

from mnemosyne_tf.variable_plan import MATRIX, VariablePlan

FULL_RATE_WIDTH = 64
FULL_RATE_MATRICES = 13


def scale_rates(names: Sequence[str], plans: Sequence[VariablePlan]) -> list[VariablePlan]:
    """The plans of all variables of a model, each with the `rate_scale` that its size asks for.

    Args:
        names: of the variables.
        plans: of `plan_variable`, one for each.
    """
    matrices = sum(plan.path == MATRIX for plan in plans)
    return [
        dataclasses.replace(plan, rate_scale=_rate_scale(name, plan, matrices))
        for name, plan in zip(names, plans, strict=True)
    ]


def _rate_scale(name: str, plan: VariablePlan, matrices: int) -> float:
    if plan.path == MATRIX:
        return min(1.0, FULL_RATE_MATRICES / matrices)
    if len(plan.shape) < 2:
        return 1.0
    # A row of a table is a vector of the model's width; a kernel sums over all axes but the last.
    is_table = "embedding" in name.lower()
    width = plan.shape[-1] if is_table else math.prod(plan.shape[:-1])
    return min(1.0, FULL_RATE_WIDTH / width)
