"""How rates and schedule follow a run: how many labels a step sees, how many steps there are.

    rates         (labels / 160)^batch_exponent * (steps / 600)^length_exponent
    decay begins  at decay_start + log2(labels / 160) * decay_delay, a share of the run

Each ratio is held to [1/8, 8], the range that was measured; what the optimizer is not told counts
as 1. All three numbers are meta-parameters. Untrained, the rates fall a little with the length,
-0.08, and nothing follows the labels; in the set that ships the start of the decay does.

The more labels a step sees, the less of a gradient is noise that small steps must average, and the
later the rates need to fall. 160 labels (32 sequences of 32 tokens, 15 % of them masked) and 600
steps are of the runs for which the rates were found.

Source: Malladi et al. 2022 (On the SDEs and scaling rules for adaptive gradient algorithms): rates
of Adam and RMSprop as the square root of the batch, which is batch_exponent 0.5.
Differs: labels are counted in place of rows, so that a classifier and a masked LM have one measure;
the delay of the decay is ours.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from mnemosyne_tf.schedule import LATEST_DECAY_START

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
    labels_ratio = _ratio(labels_per_step, FULL_RATE_LABELS)
    return labels_ratio**batch_exponent * _ratio(total_steps, FULL_RATE_STEPS) ** length_exponent


def start_of_decay(decay_start: Any, *, labels_per_step: int | None, decay_delay: Any) -> Any:
    """After which share of a known run its decay begins; `schedule` keeps that within the run.

    Args:
        decay_start: `[]`, the share where a step sees 160 labels.
        labels_per_step: as in `run_scale`.
        decay_delay: `[]`, share of the run by which it begins later with each doubling of them.

    Returns:
        `[]`, a share of the run; below 0 where few labels bring it forward past the beginning.
    """
    return decay_start + math.log2(_ratio(labels_per_step, FULL_RATE_LABELS)) * decay_delay


def rule_of_run(
    values: Mapping[str, np.ndarray], *, labels_per_step: int | None, total_steps: int | None
) -> dict[str, np.ndarray]:
    """Meta-parameters that do on every run what these do on one, and follow none.

    Args:
        values: of a `MetaParams`.
        labels_per_step, total_steps: of the run, as in `run_scale`.
    """
    factor = run_scale(
        labels_per_step=labels_per_step,
        total_steps=total_steps,
        batch_exponent=values["rule/batch_exponent"],
        length_exponent=values["rule/length_exponent"],
    )
    start = start_of_decay(
        values["rule/decay_start"],
        labels_per_step=labels_per_step,
        decay_delay=values["rule/decay_delay"],
    )
    rates = {name: values[name] * factor for name in ("rule/matrix_rate", "rule/elementwise_rate")}
    follows = ("rule/batch_exponent", "rule/length_exponent", "rule/decay_delay")
    return {
        **values,
        **rates,
        "rule/decay_start": np.clip(start, 0.0, LATEST_DECAY_START).astype(np.float32),
        **dict.fromkeys(follows, np.float32(0.0)),
    }


def _ratio(count: int | None, full: int) -> float:
    if count is None:
        return 1.0
    return min(max(count / full, 1.0 / MEASURED_RANGE), MEASURED_RANGE)
