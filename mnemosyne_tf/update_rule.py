"""The update of a variable, from gradient to new weight, as a pure function.

    direction  Adam's m / sqrt(v), a gradient ahead (Nesterov), bounded to RMS 1, plus a tiny
               coordinate-wise network of the gradient features whose hidden units are scaled and
               shifted (FiLM) by the meta-tokens
    matrix     the direction is orthogonalised and scaled
    step       rate * schedule * run scale * (multiplier * direction + weight_decay * weight)

The multiplier is exp(2 tanh(head(meta-token))): per chunk on the elementwise path, one for the
tensor (the geometric mean over chunks) on the matrix path. With zero heads the multiplier is 1 and
the network adds 0: the nominal rule. The network's answer lies in [-1, 1], so no step exceeds
rate * e^2 * (2 in RMS, or the matrix scale), whatever the meta-parameters.

With `Structure(nominal_direction=False)` Adam's direction is left out, the network's answer is the
direction, and all variables are elementwise: the paper's fully learned optimizer.

Source: Jain et al. 2023 for encoder and memory; the rest is ours.
Differs: the paper's output is fully learned; here it corrects a nominal rule by default (as in
STAR, Harrison et al. 2022), and hidden kernels are orthogonalised (Jordan et al. 2024).
"""

from collections.abc import Mapping
from typing import NamedTuple

import tensorflow as tf

from mnemosyne_tf import schedule
from mnemosyne_tf.learned import encoder, gradient_features
from mnemosyne_tf.learned.heads import coordinatewise_network, output_heads, read_heads
from mnemosyne_tf.learned.memory import remember
from mnemosyne_tf.meta_params import Structure
from mnemosyne_tf.newton_schulz import orthogonalise
from mnemosyne_tf.rule_settings import RuleSettings, matrix_scale
from mnemosyne_tf.run_scaling import run_scale, start_of_decay
from mnemosyne_tf.sums import row_sums
from mnemosyne_tf.variable_plan import VariablePlan

RMS_BOUND = 1.0


class VariableState(NamedTuple):
    """A weight and what the optimizer keeps for it.

    Attributes:
        weight: any float dtype, the shape of the variable.
        momentum: float32, same shape.
        second_moment: float32, same shape.
        memory: float32 `[num_chunks, num_features, width + 1]`; () without a memory.
        log_multiplier: float32 `[]`, the mean over chunks of what the step head answered; nothing
            reads it but logs. () where it is not kept.
    """

    weight: tf.Tensor
    momentum: tf.Tensor
    second_moment: tf.Tensor
    memory: tf.Tensor | tuple[()]
    log_multiplier: tf.Tensor | tuple[()] = ()


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


def accumulate(
    meta_params: Mapping[str, tf.Tensor],
    gradient: tf.Tensor,
    state: VariableState,
    inputs: StepInputs,
) -> VariableState:
    """Moves the accumulators by the gradient, the first half of a step; arguments as in `apply`.

    The halves are compiled apart: the second would read the accumulators of before, too, were it
    one program, and they could not be changed in place.
    """
    old = (state.momentum, state.second_moment)
    new = gradient_features.accumulate(
        tf.cast(gradient, tf.float32), *old, decays=_decays(meta_params)
    )
    momentum, second_moment = _if_finite(inputs, new, old)
    return state._replace(momentum=momentum, second_moment=second_moment)


def apply(
    meta_params: Mapping[str, tf.Tensor],
    gradient: tf.Tensor,
    state: VariableState,
    inputs: StepInputs,
    *,
    plan: VariablePlan,
    structure: Structure,
    settings: RuleSettings,
) -> VariableState:
    """Moves weights and memories, the second half of a step.

    Args:
        meta_params: float32 tensors of `structure.shapes()`.
        gradient: any float dtype, the shape of the variable. Or those of variables of one plan,
            `[stack, *shape]`, none of which sees another.
        state: what `accumulate` left, with an axis `stack` in front if the gradient has one.
        inputs: scalars of the step.
        plan: static facts of the variables.
        structure: static facts of the meta-parameters.
        settings: the user's choices.
    """
    weight = tf.cast(state.weight, tf.float32)
    iteration = tf.cast(inputs.iterations, tf.float32)
    directions = gradient_features.directions(
        tf.cast(gradient, tf.float32),
        state.momentum,
        state.second_moment,
        decays=_decays(meta_params),
        step=tf.cast(inputs.applied_steps, tf.float32) + 1.0,
    )
    if settings.nesterov and structure.nominal_direction:
        directions = gradient_features.nesterov(directions, meta_params["rule/momentum_decay"])
    progress = schedule.progress(iteration, total_steps=settings.total_steps)
    direction, log_multiplier, memory = _corrected_direction(
        meta_params, directions, weight, state.memory, progress, plan=plan, structure=structure
    )
    if plan.matrix_shape is not None:
        matrices = tf.reshape(direction, [-1, *plan.matrix_shape])
        matrices = orthogonalise(
            matrices,
            iterations=settings.newton_schulz_iterations,
            dtype=tf.as_dtype(settings.newton_schulz_dtype),
        )
        multiplier = tf.exp(log_multiplier)[:, tf.newaxis, tf.newaxis]
        matrices *= multiplier * matrix_scale(*plan.matrix_shape, settings.matrix_scale)
        direction = matrices
    direction = tf.reshape(direction, weight.shape)
    if plan.decayed:
        direction += settings.weight_decay * weight
    rate = meta_params[f"rule/{plan.path}_rate"] * plan.rate_scale * inputs.learning_rate
    rate *= schedule.rate_multiplier(
        iteration,
        total_steps=settings.total_steps,
        warmup_fraction=meta_params["rule/warmup_fraction"],
        decay_start=start_of_decay(
            meta_params["rule/decay_start"],
            labels_per_step=settings.labels_per_step,
            decay_delay=meta_params["rule/decay_delay"],
        ),
        warmup_steps=meta_params["rule/warmup_steps"],
    )
    rate *= run_scale(
        labels_per_step=settings.labels_per_step,
        total_steps=settings.total_steps,
        batch_exponent=meta_params["rule/batch_exponent"],
        length_exponent=meta_params["rule/length_exponent"],
    )
    moved = tf.cast(weight - rate * direction, state.weight.dtype)
    kept = tf.nest.map_structure(
        lambda old: tf.reshape(log_multiplier, old.shape), state.log_multiplier
    )
    old = (state.weight, state.memory, state.log_multiplier)
    weight, memory, kept = _if_finite(inputs, (moved, memory, kept), old)
    return state._replace(weight=weight, memory=memory, log_multiplier=kept)


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

    Both halves, one after the other; arguments as in `apply`.
    """
    state = accumulate(meta_params, gradient, state, inputs)
    return apply(
        meta_params, gradient, state, inputs, plan=plan, structure=structure, settings=settings
    )


def _decays(meta_params):
    return tf.stack([meta_params["rule/momentum_decay"], meta_params["rule/second_moment_decay"]])


def _if_finite(inputs, new, old):
    return tf.nest.map_structure(lambda new, old: tf.where(inputs.finite, new, old), new, old)


def _corrected_direction(meta_params, directions, weight, memory, progress, *, plan, structure):
    """Adam's direction with all that the meta-tokens add to it, before orthogonalisation.

    Returns:
        The direction; the mean log multiplier, `[stack]` or `[1]`, which a matrix must still be
        multiplied by, because the orthogonalisation undoes it; the memory after.
    """
    is_matrix = plan.matrix_shape is not None
    step_head, network = output_heads(meta_params)
    network = network and (structure.network_on_matrices or not is_matrix)
    direction = directions.momentum
    if not structure.nominal_direction:
        direction = tf.zeros_like(direction)
    if not (step_head or network):
        if not is_matrix:  # Newton-Schulz divides by the norm, whatever it is.
            direction = _bounded(direction, gradient_features.inverse_rms(direction, plan))
        return direction, tf.zeros([1]), memory
    features = gradient_features.raw_features(directions, weight, plan)
    pooled = gradient_features.pool(features, plan=plan, progress=progress)
    meta_tokens = encoder.encode(meta_params, features, pooled, plan=plan, structure=structure)
    # Memory and heads know no variables, only meta-tokens.
    meta_tokens = tf.reshape(meta_tokens, [-1, structure.width])
    if structure.use_memory:
        projection = encoder.projection(structure, "memory")
        slots = tf.reshape(memory, [-1, *memory.shape[-2:]])
        meta_tokens, slots = remember(meta_params, meta_tokens, slots, projection=projection)
        memory = tf.reshape(slots, memory.shape)
    log_multipliers, film = read_heads(meta_params, meta_tokens)
    log_multipliers = tf.reshape(log_multipliers, [-1, plan.num_chunks])
    if structure.nominal_direction:
        chunks = features.momentum
        if network or not is_matrix:
            chunks = _bounded(chunks, pooled.factors.momentum)
    else:
        chunks = tf.zeros_like(features.momentum)
    if network:
        terms = [tf.reshape(term, [-1, *plan.chunk_grid]) for term in film]
        normalised = gradient_features.normalise(features, pooled.factors)
        chunks += coordinatewise_network(meta_params, normalised, terms)
    if not is_matrix:
        chunks *= tf.exp(tf.reshape(log_multipliers, [-1, *plan.chunk_grid]))
    direction = gradient_features.from_chunks(chunks, plan)
    return direction, row_sums(log_multipliers)[:, 0] / float(plan.num_chunks), memory


def _bounded(direction: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Brings the RMS down to `RMS_BOUND` where it exceeds it; `factor` is 1 / RMS."""
    return direction * tf.minimum(1.0, RMS_BOUND * factor)
