"""The update of a variable, from gradient to new weight, as a pure function in seven stages.

    1 accumulate          momentum m and second moment v take in the gradient
    2 direction           Adam's m / sqrt(v), one gradient ahead (Nesterov)
    3 learned correction  bounded to RMS 1; a small network of the gradient features is added,
                          steered by meta-tokens with a memory, which also give a step multiplier
    4 orthogonalise       of a matrix: all singular values near one, then scaled
    5 decay               weight_decay * weight is added
    6 step size           rate * role * size * run * schedule * the user's learning rate
    7 guard               where a gradient of the model is not finite, nothing changes

`docs/mnemosyne.md` has a section for each, in these words. The multiplier is exp(2 tanh(head)): per
chunk on the elementwise path, one for the tensor (the geometric mean over chunks) on the matrix
path. With heads of zeros the multiplier is 1 and the network adds 0: the nominal rule. The
network's answer lies in [-1, 1], so no step exceeds rate * e^2 * (2 in RMS, or the matrix scale,
sqrt(B) times that of a kernel cut into B heads), for any meta-parameters.

With `Structure(level="model")` the learned part is read before stage 1 and answers with offsets to
levers: rate, momentum decay, weight decay. Stage 3 is empty; after stage 6 a step is measured.

With `Structure(nominal_direction=False)` Adam's direction is left out, the network's answer is the
direction, and all variables are elementwise: the paper's fully learned optimizer.

Source: Jain et al. 2023 for encoder and memory; the rest is ours.
Differs: the paper's output is fully learned; here it corrects a nominal rule by default (as in
STAR, Harrison et al. 2022), and hidden kernels are orthogonalised (Jordan et al. 2024).
"""

from collections.abc import Mapping
from typing import NamedTuple

import tensorflow as tf

from mnemosyne_tf import adam_direction, newton_schulz
from mnemosyne_tf.adam_direction import Directions
from mnemosyne_tf.learned import levers, sensors
from mnemosyne_tf.learned.correction import Corrected, correct
from mnemosyne_tf.learned.model_entries import NUM_COUNTERS
from mnemosyne_tf.rule_settings import RuleSettings, matrix_scale
from mnemosyne_tf.step_size import progress, step_size
from mnemosyne_tf.structure import Structure
from mnemosyne_tf.variable_plan import VariablePlan


class VariableState(NamedTuple):
    """A weight and what the optimizer keeps for it.

    Attributes:
        weight: any float dtype, the shape of the variable.
        momentum: float32, same shape.
        second_moment: float32, same shape.
        memory: float32 `[num_chunks, num_features, width + 1]`, at the level of the model
            `[num_features, width + 1]`, which the update leaves alone; () without a memory.
        log_multiplier: float32 `[]`, the mean over chunks of what the step head answered; nothing
            reads it but logs. () where it is not kept.
        sensors: float32 `[NUM_KEPT]`, what the steps before were like, or their counters alone; ()
            without levers.
    """

    weight: tf.Tensor | tuple[()]
    momentum: tf.Tensor
    second_moment: tf.Tensor
    memory: tf.Tensor | tuple[()]
    log_multiplier: tf.Tensor | tuple[()] = ()
    sensors: tf.Tensor | tuple[()] = ()


class StepInputs(NamedTuple):
    """What a step is given: scalars, the same for all variables, and what their roles say.

    Attributes:
        iterations: int64 `[]`, steps taken before, skipped ones included; moves the schedule.
        applied_steps: int64 `[]`, steps applied before; corrects the bias of the accumulators.
        learning_rate: float32 `[]`, the user's multiplier.
        finite: bool `[]`, whether every gradient of the step is finite.
        role_rates: float32 `[stack]`, of the roles of the variables that are moved together, an
            input so that variables of several roles share a program; or `[]`, of one.
        role_horizons: float32, as `role_rates`: how many times further back the averages of their
            gradients reach.
        offsets: float32 `[stack, len(LEVERS)]`, of their levers; () where there are none.
    """

    iterations: tf.Tensor
    applied_steps: tf.Tensor
    learning_rate: tf.Tensor
    finite: tf.Tensor
    role_rates: tf.Tensor | float = 1.0
    role_horizons: tf.Tensor | float = 1.0
    offsets: tf.Tensor | tuple[()] = ()


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
        gradient: any float dtype, the shape of the variable. Or those of variables of one plan,
            `[stack, *shape]`, none of which sees another.
        state: before the step, with an axis `stack` in front if the gradient has one.
        inputs: scalars of the step.
        plan: static facts of the variables.
        structure: static facts of the meta-parameters.
        settings: the user's choices.
    """
    # Guarded before they are read: what the direction reads are the accumulators that are kept, so
    # a compiled program changes them in place. It would have to copy those of before.
    after = guard(inputs, accumulate(meta_params, gradient, state, inputs), state)
    adam = direction(meta_params, gradient, after, inputs, structure, settings)
    corrected = learned_correction(meta_params, adam, after, inputs, plan, structure, settings)
    step = orthogonalise(corrected, plan, settings)
    lever = _levers(meta_params, inputs)
    step = decay(step, state.weight, plan, settings, lever)
    rates = inputs.role_rates * tf.exp(lever.log_rate) if lever else inputs.role_rates
    iteration = tf.cast(inputs.iterations, tf.float32)
    rate = step_size(meta_params, plan, settings, iteration, inputs.learning_rate, rates)
    new = moved(after, step, rate, corrected, lever)
    if lever and state.sensors.shape[-1] > NUM_COUNTERS:
        kept = sensors.sense(after, gradient, adam.momentum, step, rate, plan)
        new = new._replace(sensors=kept)
    return guard(inputs, new, after)


def accumulate(
    meta_params: Mapping[str, tf.Tensor],
    gradient: tf.Tensor,
    state: VariableState,
    inputs: StepInputs,
) -> VariableState:
    """Stage 1: momentum and second moment take in the gradient."""
    gradient = tf.cast(gradient, tf.float32)
    moments = state.momentum, state.second_moment
    momentum, second_moment = adam_direction.accumulate(
        gradient, *moments, decays=_decays(meta_params, inputs, gradient)
    )
    after = state._replace(momentum=momentum, second_moment=second_moment)
    lever = _levers(meta_params, inputs)
    return levers.accumulate(after, state.momentum, gradient, lever) if lever else after


def direction(
    meta_params: Mapping[str, tf.Tensor],
    gradient: tf.Tensor,
    state: VariableState,
    inputs: StepInputs,
    structure: Structure,
    settings: RuleSettings,
) -> Directions:
    """Stage 2: gradient and momentum over the root of the second moment, one gradient ahead."""
    step = tf.cast(inputs.applied_steps, tf.float32) + 1.0
    gradient, moments = tf.cast(gradient, tf.float32), (state.momentum, state.second_moment)
    decays = _decays(meta_params, inputs, gradient)
    b1 = decays[0]
    directions = adam_direction.directions(gradient, *moments, decays=decays, step=step)
    if lever := _levers(meta_params, inputs):
        momentum = levers.unbiased(directions.momentum, state.sensors, step=step, assumed=b1)
        directions = directions._replace(momentum=momentum)
        b1 = levers.of_each(lever.momentum_decay, state.momentum)
    if settings.nesterov and structure.nominal_direction:
        return adam_direction.nesterov(directions, b1)
    return directions


def learned_correction(
    meta_params: Mapping[str, tf.Tensor],
    directions: Directions,
    state: VariableState,
    inputs: StepInputs,
    plan: VariablePlan,
    structure: Structure,
    settings: RuleSettings,
) -> Corrected:
    """Stage 3: what the meta-tokens make of the direction; see `learned.correction`."""
    iteration = tf.cast(inputs.iterations, tf.float32)
    done = progress(iteration, total_steps=settings.total_steps)
    weight = tf.cast(state.weight, tf.float32)
    return correct(
        meta_params, directions, weight, state.memory, done, plan=plan, structure=structure
    )


def orthogonalise(corrected: Corrected, plan: VariablePlan, settings: RuleSettings) -> tf.Tensor:
    """Stage 4: Newton-Schulz, the scale of a matrix and its multiplier; others stay as they are."""
    if plan.matrix_shape is None:
        return corrected.direction
    matrices = newton_schulz.orthogonalise_blocks(
        tf.reshape(corrected.direction, [-1, *plan.matrix_shape]),
        plan.blocks,
        iterations=settings.newton_schulz_iterations,
        wide_iterations=settings.newton_schulz_wide_iterations,
        coefficients=settings.newton_schulz_coefficients or "jordan",
        dtype=tf.as_dtype(settings.newton_schulz_dtype),
    )
    multiplier = tf.exp(corrected.log_multiplier)[:, tf.newaxis, tf.newaxis]
    return matrices * (multiplier * matrix_scale(*plan.matrix_shape, settings.matrix_scale))


def decay(
    direction: tf.Tensor,
    weight: tf.Tensor,
    plan: VariablePlan,
    settings: RuleSettings,
    lever: levers.Levers | None = None,
) -> tf.Tensor:
    """Stage 5: decoupled weight decay, in the shape of the weight."""
    direction = tf.reshape(direction, weight.shape)
    if not plan.decayed:
        return direction
    weight = tf.cast(weight, tf.float32)
    factor = levers.of_each(lever.weight_decay, weight) if lever else 1.0
    return direction + settings.weight_decay * factor * weight


def moved(
    state: VariableState,
    step: tf.Tensor,
    rate: tf.Tensor,
    corrected: Corrected,
    lever: levers.Levers | None = None,
) -> VariableState:
    """The state after the step, if it is taken; one rate for all of a stack, or one each."""
    weight = tf.cast(state.weight, tf.float32) - levers.of_each(rate, step) * step
    multiplier = lever.log_rate if lever else corrected.log_multiplier
    kept = tf.nest.map_structure(
        lambda old: tf.reshape(multiplier, old.shape), state.log_multiplier
    )
    return state._replace(
        weight=tf.cast(weight, state.weight.dtype), memory=corrected.memory, log_multiplier=kept
    )


def guard(inputs: StepInputs, new: VariableState, old: VariableState) -> VariableState:
    """Stage 7: the new state where every gradient of the step is finite, else the old one."""
    return tf.nest.map_structure(
        lambda new, old: old if new is old else tf.where(inputs.finite, new, old), new, old
    )


def _decays(meta_params, inputs, gradient):
    """b1 and b2 of each variable, `[2, ...]`, which broadcast against its gradient."""
    names = ("rule/momentum_decay", "rule/second_moment_decay")
    built_in = (meta_params[name] for name in names)
    of_role = [adam_direction.of_horizon(decay, inputs.role_horizons) for decay in built_in]
    return tf.stack([levers.of_each(decay, gradient) for decay in of_role])


def _levers(meta_params, inputs):
    b1 = adam_direction.of_horizon(meta_params["rule/momentum_decay"], inputs.role_horizons)
    return levers.read_levers(inputs.offsets, b1)
