"""How the built-in rates follow a run: how many labels a step sees, how many steps there are.

    factor = (labels / 160)^batch_exponent * (steps / 600)^length_exponent

Each ratio is held to [1/8, 8], the range that was measured; what the optimizer is not told counts
as 1. Both exponents are meta-parameters. Untrained, the rates fall a little with the length, -0.08,
and do not follow the labels: their square root was better for BERTs without dropout and worse for
the one that the trainer makes (docs/races.md).

160 labels (32 sequences of 32 tokens, 15 % of them masked) and 600 steps are of the runs for which
the rates were found.

Source: Malladi et al. 2022 (On the SDEs and scaling rules for adaptive gradient algorithms): rates
of Adam and RMSprop as the square root of the batch, which is batch_exponent 0.5.
Differs: labels are counted in place of rows, so that a classifier and a masked LM have one measure.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

FULL_RATE_LABELS = 160
FULL_RATE_STEPS = 600
MEASURED_RANGE = 8.0


def run_scale(
    *,
    labels_per_step: int | None,
    total_steps: int | None,
    batch_exponent: Any,
    length_exponent: Any,
) -> Any:
    """The factor on the rates of all variables, the same at every step of a run.

    Args:
        labels_per_step: labels in the loss of one step, all replicas together, or None when
            unknown: rows of a classifier, masked tokens of a masked LM.
        total_steps: steps in the run, or None when unknown.
        batch_exponent, length_exponent: `[]`, of TensorFlow or NumPy.

    Returns:
        `[]`, of the same.
    """
    factor = 1.0
    if labels_per_step is not None:
        factor *= _ratio(labels_per_step / FULL_RATE_LABELS) ** batch_exponent
    if total_steps is not None:
        factor *= _ratio(total_steps / FULL_RATE_STEPS) ** length_exponent
    return factor


def rates_of_run(
    values: Mapping[str, np.ndarray], *, labels_per_step: int | None, total_steps: int | None
) -> dict[str, np.ndarray]:
    """Meta-parameters that do on every run what these do on one: its rates, and no exponents.

    Args:
        values: of a `MetaParams`.
        labels_per_step, total_steps: of the run, as in `run_scale`.
    """
    exponents = ("rule/batch_exponent", "rule/length_exponent")
    factor = run_scale(
        labels_per_step=labels_per_step,
        total_steps=total_steps,
        **{name.removeprefix("rule/"): values[name] for name in exponents},
    )
    rates = {name: values[name] * factor for name in ("rule/matrix_rate", "rule/elementwise_rate")}
    return {**values, **rates, **dict.fromkeys(exponents, np.float32(0.0))}


def _ratio(ratio: float) -> float:
    return min(max(ratio, 1.0 / MEASURED_RANGE), MEASURED_RANGE)
