"""Levers: numbers of the nominal rule that the learned part moves, for each tensor by itself.

    rate        rate * e^offset
    momentum    b1' = 1 - (1 - b1) e^offset, at least 0.001
    decay       weight_decay * e^offset

Where b1' changes from step to step, what a momentum still lacks of its bias-corrected form is one
minus the product of all b1' so far, so the sum of their logarithms is kept.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import tensorflow as tf

from mnemosyne_tf.learned import sensors
from mnemosyne_tf.learned.heads import is_zero, output_heads
from mnemosyne_tf.learned.model_entries import LEVERS, ROLE_HEAD, TOKEN_HEAD

SMALLEST_DECAY = 1e-3


class Levers(NamedTuple):
    """The levers of the variables that are moved together, each `[stack]`."""

    log_rate: tf.Tensor
    momentum_decay: tf.Tensor
    weight_decay: tf.Tensor


def lever_heads(meta_params: Mapping[str, tf.Tensor]) -> tuple[bool, bool]:
    """Whether the offsets by token, and those by role, can change an update.

    As of `output_heads`: heads of zeros need no sensors, no tokens and no memory.
    """
    return not is_zero(meta_params, TOKEN_HEAD), not is_zero(meta_params, ROLE_HEAD)


def has_live_heads(meta_params: Mapping[str, tf.Tensor]) -> bool:
    """Whether the learned part, of any level, can change an update."""
    return any((*output_heads(meta_params), *lever_heads(meta_params)))


def read_levers(offsets: tf.Tensor | tuple[()], momentum_decay: tf.Tensor) -> Levers | None:
    """What the offsets make of the rule; None where there are none.

    Args:
        offsets: `[stack, len(LEVERS)]`, of `bounded_offsets`; or ().
        momentum_decay: b1 of the rule, `[]` or `[stack]`.
    """
    if isinstance(offsets, tuple):
        return None
    log_rate, momentum, decay = tf.unstack(offsets, len(LEVERS), axis=-1)
    moved = 1.0 - (1.0 - momentum_decay) * tf.exp(momentum)
    return Levers(log_rate, tf.maximum(moved, SMALLEST_DECAY), tf.exp(decay))


def accumulate(state: Any, before: tf.Tensor, gradient: tf.Tensor, lever: Levers) -> Any:
    """The state with a momentum of its own decay, and counters that say so.

    Args:
        state: `VariableState` with the accumulators of this step.
        before: the momentum of the step before.
        gradient: float32.
        lever: of the variables.
    """
    b1 = of_each(lever.momentum_decay, gradient)
    momentum = b1 * before + (1.0 - b1) * gradient
    return state._replace(
        momentum=momentum, sensors=sensors.counted(state.sensors, lever.momentum_decay)
    )


def unbiased(
    momentum: tf.Tensor, kept: tf.Tensor, *, step: tf.Tensor, assumed: tf.Tensor
) -> tf.Tensor:
    """Corrects the bias of a momentum that counts as one of the same decay in all steps.

    Args:
        momentum: corrected as if its decay had been `assumed` in each of so many steps.
        kept: `VariableState.sensors` of this step.
        step: float32 `[]`, from 1.
        assumed: broadcasts against the momentum.
    """
    bias = -tf.math.expm1(step * tf.math.log(assumed))
    return momentum * bias * of_each(sensors.bias_correction(kept), momentum)


def bounded_offsets(answers: tf.Tensor) -> tf.Tensor:
    """Log-offsets from what the heads answer, each within its bound, `[tensors, len(LEVERS)]`."""
    return tf.constant(list(LEVERS.values()), tf.float32) * tf.tanh(answers)


def of_each(numbers: tf.Tensor, tensor: tf.Tensor) -> tf.Tensor:
    """One number for each of a stack, `[stack]`, in a shape that broadcasts against the stack."""
    return tf.reshape(numbers, ([-1] + [1] * tensor.shape.rank)[: tensor.shape.rank])
