"""The update of one variable, from gradient to new weight, as a pure function.

    direction  Adam's m / sqrt(v), plus a tiny coordinate-wise network of the gradient features
               whose hidden units are shifted and scaled (FiLM) by the meta-tokens
    matrix     orthogonalised and scaled; elementwise: bounded to RMS 1
    step       rate * schedule * (multiplier * direction + weight_decay * weight)

The multiplier is exp(2 tanh(head(meta-token))): per chunk on the elementwise path, one (the
geometric mean) on the matrix path. With zero heads it is 1 and the network adds 0: the nominal
rule. Whatever the meta-parameters, a step is at most rate * e^2 * (1 in RMS or the matrix scale).

Source: Jain et al. 2023 for encoder and memory; the rest is ours.
Differs: the paper's output is fully learned; here it corrects a nominal rule (as in STAR, Harrison
et al. 2022), and hidden kernels are orthogonalised (Jordan et al. 2024).
"""

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple

import tensorflow as tf

from mnemosyne_tf import gradient_features, hierarchical_pooling_encoder, schedule
from mnemosyne_tf.compact_associative_memory import MemoryState, remember
from mnemosyne_tf.meta_params import Structure
from mnemosyne_tf.newton_schulz import orthogonalise
from mnemosyne_tf.parameter_routing import VariablePlan

LOG_STEP_BOUND = 2.0
RMS_BOUND = 1.0
RMS_EPSILON = 1e-16
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


class VariableState(NamedTuple):
    """A weight and what the optimizer keeps for it.

    Attributes:
        weight: any float dtype, the shape of the variable.
        momentum: float32, same shape.
        second_moment: float32, same shape.
        memory: float32 `MemoryState`; None when the structure has no memory.
    """

    weight: tf.Tensor
    momentum: tf.Tensor
    second_moment: tf.Tensor
    memory: MemoryState | None


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


def step_multipliers(meta_params: Mapping[str, tf.Tensor], meta_tokens: tf.Tensor) -> tf.Tensor:
    """Bounded log step multipliers, `[num_chunks]`, within [-2, 2]."""
    head = tf.linalg.matvec(meta_tokens, meta_params["step_head/kernel"])
    return LOG_STEP_BOUND * tf.tanh(head + meta_params["step_head/bias"])


def coordinatewise_network(
    meta_params: Mapping[str, tf.Tensor],
    features: gradient_features.GradientFeatures,
    meta_tokens: tf.Tensor,
    *,
    hidden_units: int,
) -> tf.Tensor:
    """The network's addition to the direction, `[num_chunks, chunk_len]`, at most sum |output|.

    Written with scalar weights, unit by unit: the compiler fuses it into one pass over the
    coordinates and nothing of size [num_coords, hidden_units] is made.
    """
    film = meta_tokens @ meta_params["film_head/kernel"] + meta_params["film_head/bias"]
    kernel, bias = meta_params["network/input"], meta_params["network/bias"]
    addition = tf.zeros_like(features.gradient)
    for unit in range(hidden_units):
        hidden = bias[unit] + sum(kernel[i, unit] * x for i, x in enumerate(features))
        scale = 1.0 + film[:, unit, tf.newaxis]
        shift = film[:, hidden_units + unit, tf.newaxis]
        addition += meta_params["network/output"][unit] * tf.tanh(scale * hidden + shift)
    return addition


def bound_rms(direction: tf.Tensor, *, num_coords: int) -> tf.Tensor:
    """Scales a direction (zero on padding) down to RMS 1 where it is above; never up."""
    mean = tf.reduce_sum(tf.reduce_sum(tf.square(direction), axis=1)) / float(num_coords)
    return direction * (RMS_BOUND / tf.maximum(RMS_BOUND, tf.sqrt(mean + RMS_EPSILON)))


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
        meta_params: float32 arrays of `structure.shapes()`.
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
    b1 = tf.convert_to_tensor(meta_params["rule/momentum_decay"])
    b2 = tf.convert_to_tensor(meta_params["rule/second_moment_decay"])
    moments = gradient_features.accumulate(
        tf.cast(gradient, tf.float32),
        state.momentum,
        state.second_moment,
        decays=(b1, b2),
        step=tf.cast(inputs.applied_steps, tf.float32) + 1.0,
    )
    features = gradient_features.raw_features(
        tf.cast(gradient, tf.float32), weight, moments, b1=b1, plan=plan
    )
    progress = schedule.progress(iteration, total_steps=settings.total_steps)
    pooled = gradient_features.pool(features, plan=plan, progress=progress)
    normalised = gradient_features.normalise(features, pooled, plan=plan)
    meta_tokens = hierarchical_pooling_encoder.encode(
        meta_params, normalised, pooled, plan=plan, structure=structure
    )
    memory = state.memory
    if structure.use_memory:
        directions = hierarchical_pooling_encoder.projection(structure, "memory")
        meta_tokens, memory = remember(meta_params, meta_tokens, memory, projection=directions)

    direction = features.momentum
    if plan.matrix_shape is None or structure.network_on_matrices:
        direction += coordinatewise_network(
            meta_params, normalised, meta_tokens, hidden_units=structure.hidden_units
        )
    log_multipliers = step_multipliers(meta_params, meta_tokens)
    if plan.matrix_shape is None:
        direction = _elementwise_direction(direction, log_multipliers, plan)
        rate = meta_params["rule/elementwise_rate"]
    else:
        direction = _matrix_direction(direction, log_multipliers, plan, settings)
        rate = meta_params["rule/matrix_rate"]

    rate = rate * inputs.learning_rate * schedule.rate_multiplier(
        iteration,
        total_steps=settings.total_steps,
        warmup_fraction=meta_params["rule/warmup_fraction"],
        warmup_steps=meta_params["rule/warmup_steps"],
    )
    if plan.decayed:
        direction += settings.weight_decay * weight
    new_weight = tf.cast(weight - rate * direction, state.weight.dtype)
    new = VariableState(new_weight, moments.momentum, moments.second_moment, memory)
    return tf.nest.map_structure(lambda after, before: tf.where(inputs.finite, after, before),
                                 new, state)  # fmt: skip


def _elementwise_direction(
    direction: tf.Tensor, log_multipliers: tf.Tensor, plan: VariablePlan
) -> tf.Tensor:
    if plan.num_chunks * plan.chunk_len != plan.num_coords:
        # The network answers on padding too; it must not count in the RMS.
        padding = tf.constant(plan.chunk_counts)[:, tf.newaxis]
        direction = tf.where(tf.range(plan.chunk_len) < padding, direction, 0.0)
    direction = bound_rms(direction, num_coords=plan.num_coords)
    return gradient_features.from_chunks(direction * tf.exp(log_multipliers)[:, tf.newaxis], plan)


def _matrix_direction(
    direction: tf.Tensor, log_multipliers: tf.Tensor, plan: VariablePlan, settings: RuleSettings
) -> tf.Tensor:
    flat = gradient_features.from_chunks(direction, plan)
    matrix = tf.reshape(flat, plan.matrix_shape)
    orthogonal = orthogonalise(matrix, iterations=settings.newton_schulz_iterations)
    scale = matrix_scale(*plan.matrix_shape, settings.matrix_scale)
    multiplier = scale * tf.exp(tf.reduce_mean(log_multipliers))
    return tf.reshape(orthogonal * multiplier, plan.shape)
