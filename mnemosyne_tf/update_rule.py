"""The update of one variable, from gradient to new weight, as a pure function.

    direction  Adam's m / sqrt(v), bounded to RMS 1, plus a tiny coordinate-wise network of the
               gradient features whose hidden units are scaled and shifted (FiLM) by the meta-tokens
    matrix     the direction is orthogonalised and scaled
    step       rate * schedule * (multiplier * direction + weight_decay * weight)

The multiplier is exp(2 tanh(head(meta-token))): per chunk on the elementwise path, one for the
tensor (the geometric mean over chunks) on the matrix path. With zero heads the multiplier is 1 and
the network adds 0: the nominal rule. The network's answer lies in [-1, 1], so no step exceeds
rate * e^2 * (2 in RMS, or the matrix scale), whatever the meta-parameters.

Source: Jain et al. 2023 for encoder and memory; the rest is ours.
Differs: the paper's output is fully learned; here it corrects a nominal rule (as in STAR, Harrison
et al. 2022), and hidden kernels are orthogonalised (Jordan et al. 2024).
"""

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple

import tensorflow as tf

from mnemosyne_tf import gradient_features, hierarchical_pooling_encoder, schedule
from mnemosyne_tf.compact_associative_memory import remember
from mnemosyne_tf.meta_params import Structure
from mnemosyne_tf.newton_schulz import orthogonalise
from mnemosyne_tf.parameter_routing import VariablePlan

LOG_STEP_BOUND = 2.0
RMS_BOUND = 1.0
MATRIX_SCALES = ("spectral", "rms")


@dataclasses.dataclass(frozen=True)
class RuleSettings:
    """What the user of the optimizer may choose.

    Attributes:
        total_steps: steps of the run, None when unknown.
        weight_decay: share of a weight taken per unit of scheduled rate.
        matrix_scale: "spectral" scales the orthogonalised direction by
            1.6 * sqrt(max(1, fan_out / fan_in)), "rms" by 0.2 * sqrt(max(fan_in, fan_out)).
        newton_schulz_iterations: iterations of the orthogonalisation.
    """

    total_steps: int | None = None
    weight_decay: float = 0.0
    matrix_scale: str = "spectral"
    newton_schulz_iterations: int = 5

    def __post_init__(self):
        if self.total_steps is not None and self.total_steps < 1:
            raise ValueError(
                f"Expected total_steps of at least 1, received {self.total_steps}. Give the "
                "number of calls of apply_gradients in the run, or None when it is unknown."
            )
        if self.weight_decay < 0:
            raise ValueError(
                f"Expected weight_decay of at least 0, received {self.weight_decay}. Use 0 or "
                "None for none."
            )
        if self.matrix_scale not in MATRIX_SCALES:
            raise ValueError(
                f"Expected matrix_scale in {MATRIX_SCALES}, received {self.matrix_scale!r}."
            )
        if self.newton_schulz_iterations < 1:
            raise ValueError(
                "Expected newton_schulz_iterations of at least 1, received "
                f"{self.newton_schulz_iterations}. Use orthogonalise=False for none."
            )


class VariableState(NamedTuple):
    """A weight and what the optimizer keeps for it.

    Attributes:
        weight: any float dtype, the shape of the variable.
        momentum: float32, same shape.
        second_moment: float32, same shape.
        memory: float32 `[num_chunks, num_features, width + 1]`; () without a memory.
    """

    weight: tf.Tensor
    momentum: tf.Tensor
    second_moment: tf.Tensor
    memory: tf.Tensor | tuple[()]


class StepInputs(NamedTuple):
    """Scalars of one step, the same for all variables.

    Attributes:
        iterations: int64 `[]`, steps taken before, skipped ones included; moves the schedule.
        applied_steps: int64 `[]`, steps applied before; corrects the bias of the accumulators.
        learning_rate: float32 `[]`, the user's multiplier.
        finite: bool `[]`, whether every gradient of the step is finite.
    """

    iterations: tf.Tensor
    applied_steps: tf.Tensor
    learning_rate: tf.Tensor
    finite: tf.Tensor


def matrix_scale(fan_in: int, fan_out: int, form: str) -> float:
    """Factor on an orthogonalised direction; the two forms agree on a 64 x 64 kernel."""
    if form == "spectral":
        return 1.6 * max(1.0, fan_out / fan_in) ** 0.5
    return 0.2 * max(fan_in, fan_out) ** 0.5


def read_heads(
    meta_params: Mapping[str, tf.Tensor], meta_tokens: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Log step multipliers within [-2, 2], `[num_chunks]`, and FiLM terms.

    The FiLM terms are `[num_chunks, 2 * hidden_units]`: first all scales less 1, then all shifts.
    """
    kernel = tf.concat(
        [meta_params["step_head/kernel"][:, tf.newaxis], meta_params["film_head/kernel"]], axis=1
    )
    bias = tf.concat([meta_params["step_head/bias"][tf.newaxis], meta_params["film_head/bias"]], 0)
    heads = tf.matmul(meta_tokens, kernel) + bias
    return LOG_STEP_BOUND * tf.tanh(heads[:, 0]), heads[:, 1:]


def coordinatewise_network(
    meta_params: Mapping[str, tf.Tensor],
    features: gradient_features.GradientFeatures,
    film: tf.Tensor,
) -> tf.Tensor:
    """The network's addition to the direction, in [-1, 1].

    Written with scalar weights, unit by unit: the compiler fuses it into one pass over the
    coordinates and nothing of size [num_coords, hidden_units] is made.

    Args:
        meta_params: entries under `network/`.
        features: normalised, each `[num_chunks, chunk_len]`.
        film: `[num_chunks, 2 * hidden_units]` from `read_heads`.

    Returns:
        `[num_chunks, chunk_len]`.
    """
    kernel = [tf.unstack(column) for column in tf.unstack(meta_params["network/input"], axis=1)]
    biases = tf.unstack(meta_params["network/bias"])
    outputs = meta_params["network/output"]
    outputs = tf.unstack(outputs / tf.maximum(1.0, tf.reduce_sum(tf.abs(outputs))))
    units = len(outputs)
    addition = 0.0
    for unit in range(units):
        hidden = biases[unit] + sum(k * x for k, x in zip(kernel[unit], features, strict=True))
        scale = 1.0 + film[:, unit, tf.newaxis]
        shift = film[:, units + unit, tf.newaxis]
        addition += outputs[unit] * tf.tanh(scale * hidden + shift)
    return addition


def update(
    meta_params: Mapping[str, tf.Tensor],
    gradient: tf.Tensor,
    state: VariableState,
    inputs: StepInputs,
    *,
    plan: VariablePlan,
    structure: Structure,
    settings: RuleSettings,
) -> VariableState:
    """One step of one variable; the state comes back unchanged when `inputs.finite` is False.

    Args:
        meta_params: float32 tensors of `structure.shapes()`.
        gradient: any float dtype, shape of the variable.
        state: before the step.
        inputs: scalars of the step.
        plan: static facts of the variable.
        structure: static facts of the meta-parameters.
        settings: the user's choices.

    Returns:
        The state after the step, the same shapes and dtypes.
    """
    weight = tf.cast(state.weight, tf.float32)
    iteration = tf.cast(inputs.iterations, tf.float32)
    moments = gradient_features.accumulate(
        tf.cast(gradient, tf.float32),
        state.momentum,
        state.second_moment,
        decays=tf.stack(
            [meta_params["rule/momentum_decay"], meta_params["rule/second_moment_decay"]]
        ),
        step=tf.cast(inputs.applied_steps, tf.float32) + 1.0,
    )
    features = gradient_features.raw_features(moments, weight, plan)
    progress = schedule.progress(iteration, total_steps=settings.total_steps)
    pooled = gradient_features.pool(features, plan=plan, progress=progress)
    meta_tokens = hierarchical_pooling_encoder.encode(
        meta_params, features, pooled, plan=plan, structure=structure
    )
    memory = state.memory
    if structure.use_memory:
        directions = hierarchical_pooling_encoder.projection(structure, "memory")
        meta_tokens, memory = remember(meta_params, meta_tokens, memory, projection=directions)
    log_multipliers, film = read_heads(meta_params, meta_tokens)

    direction = features.momentum * tf.minimum(1.0, RMS_BOUND * pooled.factors.momentum)
    if plan.matrix_shape is None or structure.network_on_matrices:
        normalised = gradient_features.normalise(features, pooled.factors)
        direction += coordinatewise_network(meta_params, normalised, film)
    if plan.matrix_shape is None:
        multipliers = tf.exp(log_multipliers)[:, tf.newaxis]
        direction = gradient_features.from_chunks(direction * multipliers, plan)
        rate = meta_params["rule/elementwise_rate"]
    else:
        direction = _matrix_direction(direction, log_multipliers, plan=plan, settings=settings)
        rate = meta_params["rule/matrix_rate"]
    if plan.decayed:
        direction += settings.weight_decay * weight
    rate *= inputs.learning_rate * schedule.rate_multiplier(
        iteration,
        total_steps=settings.total_steps,
        warmup_fraction=meta_params["rule/warmup_fraction"],
        warmup_steps=meta_params["rule/warmup_steps"],
    )
    new_weight = tf.cast(weight - rate * direction, state.weight.dtype)
    new_state = VariableState(new_weight, moments.momentum, moments.second_moment, memory)
    return tf.nest.map_structure(
        lambda new, old: tf.where(inputs.finite, new, old), new_state, state
    )


def _matrix_direction(
    direction: tf.Tensor,
    log_multipliers: tf.Tensor,
    *,
    plan: VariablePlan,
    settings: RuleSettings,
) -> tf.Tensor:
    matrix = tf.reshape(gradient_features.from_chunks(direction, plan), plan.matrix_shape)
    orthogonal = orthogonalise(matrix, iterations=settings.newton_schulz_iterations)
    scale = matrix_scale(*plan.matrix_shape, settings.matrix_scale)
    multiplier = scale * tf.exp(tf.reduce_mean(log_multipliers))
    return tf.reshape(orthogonal * multiplier, plan.shape)
