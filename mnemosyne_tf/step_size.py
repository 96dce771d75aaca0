"""The step size of a variable: built-in rate x role x size of the model x run x schedule.

    rate       rule/matrix_rate or rule/elementwise_rate
    role       rule/role_rate/<role>; 1 for a kernel or vector whose name tells no role
    size       table or readout  min(1, 64 / width)     what is read out moves by rate * width
               matrix            min(1, 13 / matrices)  all layers together move by a fixed amount
               bias, norm        1
    run        (labels / 160)^batch_exponent * (T / 600)^length_exponent
    schedule   T known    min((s + 1) / warmup, ((T - s) / (T - D))^decay_power, 1), 0 past T
               T unknown  min(1, (s + 1) / warmup_steps)
               D          the decay starts at decay_start + log2(labels / 160) * decay_delay, a
                          fraction of T, at most 0.95, never before the end of the warm-up

s counts the steps before this one, T is `total_steps`, labels is `labels_per_step`. Both ratios of
the run are held to [1/8, 8], the range that was measured; an unknown one counts as 1. Width 64, 13
matrices, 160 labels (32 sequences of 32 tokens, 15 % of them masked) and 600 steps are those of the
BERT of two layers for which the rates were found. Smaller models keep the rates whole.

Source: Yang et al. 2022 (muP: readouts as 1 / width); Large et al. 2024 (the modular norm: the
steps of all layers share one budget); Malladi et al. 2022 (rates of Adam as the square root of the
batch, which is batch_exponent 0.5); Zhai et al. 2022 and Hu et al. 2024 (the trapezoid,
"warmup-stable-decay").
Differs: muP lets tables move alike at all widths, a masked LM reads its word table out, too. Labels
are counted instead of rows, so that a classifier and a masked LM have one measure. The delay of the
decay is ours.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from mnemosyne_tf.nominal_rule import LATEST_DECAY_START
from mnemosyne_tf.parameter_roles import TABLES, find_role
from mnemosyne_tf.rule_settings import RuleSettings
from mnemosyne_tf.variable_plan import MATRIX, VariablePlan

FULL_RATE_WIDTH = 64
FULL_RATE_MATRICES = 13
FULL_RATE_LABELS = 160
FULL_RATE_STEPS = 600
MEASURED_RANGE = 8.0


def step_size(
    meta_params: Mapping[str, Any],
    plan: VariablePlan,
    settings: RuleSettings,
    iteration: tf.Tensor | float,
    learning_rate: tf.Tensor | float = 1.0,
    role_rate: tf.Tensor | float = 1.0,
) -> tf.Tensor:
    """The step size of a variable, before the learned multiplier.

    Example: `step_size(optimizer.meta_params.values, plan, settings, 500)` is the rate at step 500
    of a variable whose role has the rate 1.

    Args:
        meta_params: entries under `rule/`, each `[]`.
        plan: static facts of the variable, with the `rate_scale` of `scale_rates`.
        settings: the user's choices, `total_steps` and `labels_per_step` among them.
        iteration: float32 `[]`, steps taken before this one.
        learning_rate: float32 `[]`, the user's multiplier at this step.
        role_rate: float32 `[]`, of `parameter_roles.of_role`; `[stack]` for variables of one plan.

    Returns:
        float32, the shape of `role_rate`.
    """
    schedule = rate_multiplier(
        tf.convert_to_tensor(iteration, tf.float32),
        total_steps=settings.total_steps,
        warmup_fraction=meta_params["rule/warmup_fraction"],
        decay_start=start_of_decay(
            meta_params["rule/decay_start"],
            labels_per_step=settings.labels_per_step,
            decay_delay=meta_params["rule/decay_delay"],
        ),
        decay_power=meta_params["rule/decay_power"],
        warmup_steps=meta_params["rule/warmup_steps"],
    )
    run = run_scale(
        labels_per_step=settings.labels_per_step,
        total_steps=settings.total_steps,
        batch_exponent=meta_params["rule/batch_exponent"],
        length_exponent=meta_params["rule/length_exponent"],
    )
    rate = meta_params[f"rule/{plan.path}_rate"] * plan.rate_scale * learning_rate
    return rate * schedule * run * role_rate


def scale_rates(
    names: Sequence[str],
    plans: Sequence[VariablePlan],
    parameter_roles: Mapping[str, str] | None = None,
) -> list[VariablePlan]:
    """The plans of all variables of a model, each with the `rate_scale` that its size asks for.

    Args:
        names: of the variables.
        plans: of `plan_variable`, one for each.
        parameter_roles: the user's, see `parameter_roles.find_role`.
    """
    matrices = sum(plan.path == MATRIX for plan in plans)
    scaled = []
    for name, plan in zip(names, plans, strict=True):
        role, _ = find_role(name, plan.shape, parameter_roles)
        rate_scale = _size_scale(plan, role in TABLES, matrices)
        scaled.append(dataclasses.replace(plan, rate_scale=rate_scale))
    return scaled


def _size_scale(plan: VariablePlan, is_table: bool, matrices: int) -> float:
    if plan.path == MATRIX:
        return min(1.0, FULL_RATE_MATRICES / matrices)
    if len(plan.shape) < 2:
        return 1.0
    # A row of a table is a vector of the model's width; a kernel sums over all axes but the last.
    width = plan.shape[-1] if is_table else math.prod(plan.shape[:-1])
    return min(1.0, FULL_RATE_WIDTH / width)


def rate_multiplier(
    iteration: tf.Tensor,
    *,
    total_steps: int | None,
    warmup_fraction: tf.Tensor,
    decay_start: tf.Tensor,
    decay_power: tf.Tensor,
    warmup_steps: tf.Tensor,
) -> tf.Tensor:
    """The schedule: linear warm-up, a plateau, and decay to zero in a run of known length.

    Args:
        iteration: float32 `[]`, steps taken before this one.
        total_steps: steps in the run, or None when unknown.
        warmup_fraction: `[]`, a fraction of a known run, in [0, 1).
        decay_start: `[]`, the fraction of a known run after which the decay begins, at most 0.95;
            directly after the warm-up where that ends later, as for a negative one.
        decay_power: `[]`, of the fraction of the decay that is left; 1 for a linear decay.
        warmup_steps: `[]`, steps of warm-up in an unknown run, at least 1.

    Returns:
        float32 `[]` in [0, 1]; 0 past the end of a known run, which then stands still.
    """
    if total_steps is None:
        return tf.minimum(1.0, (iteration + 1.0) / tf.maximum(warmup_steps, 1.0))
    warmup = tf.maximum(1.0, warmup_fraction * total_steps)
    # A run of one step has no room for a decay: the denominator must not reach zero.
    constant = tf.maximum(warmup, tf.minimum(decay_start, LATEST_DECAY_START) * total_steps)
    left = (total_steps - iteration) / tf.maximum(total_steps - constant, 1.0)
    decay = tf.clip_by_value(left, 0.0, 1.0) ** decay_power
    return tf.minimum((iteration + 1.0) / warmup, decay)


def progress(iteration: tf.Tensor, *, total_steps: int | None) -> tuple[tf.Tensor, tf.Tensor]:
    """Whether the length of the run is known, and the fraction of it that is done.

    Args:
        iteration: float32 `[]`, steps taken before this one.
        total_steps: steps in the run, or None when unknown.

    Returns:
        Two float32 `[]`: 1.0 or 0.0, and a fraction in [0, 1] (0.0 when unknown).
    """
    if total_steps is None:
        return tf.zeros_like(iteration), tf.zeros_like(iteration)
    return tf.ones_like(iteration), tf.clip_by_value(iteration / total_steps, 0.0, 1.0)


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
    """The fraction of a known run after which its decay begins; `rate_multiplier` bounds it.

    Args:
        decay_start: `[]`, the fraction where a step sees 160 labels.
        labels_per_step: as in `run_scale`.
        decay_delay: `[]`, the fraction of the run by which each doubling of the labels delays it.

    Returns:
        `[]`, a fraction of the run; below 0 where there are few labels.
    """
    return decay_start + math.log2(_ratio(labels_per_step, FULL_RATE_LABELS)) * decay_delay


def rule_of_run(
    values: Mapping[str, np.ndarray], *, labels_per_step: int | None, total_steps: int | None
) -> dict[str, np.ndarray]:
    """Meta-parameters that do on every run what these do on one: they follow no run.

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


def _ratio(count: Any, full: int) -> Any:
    if count is None:
        return 1.0
    if tf.is_tensor(count):
        return tf.clip_by_value(count / full, 1.0 / MEASURED_RANGE, MEASURED_RANGE)
    return min(max(count / full, 1.0 / MEASURED_RANGE), MEASURED_RANGE)
