"""Adam's accumulators and its direction: stages 1 and 2 of an update.

    horizon        b <- 1 - (1 - b) / horizon, of b1 and b2, for roles with a horizon of their own
    momentum       m <- b1 m + (1 - b1) g
    second_moment  v <- b2 v + (1 - b2) g^2
    root           sqrt(v / (1 - b2^t) + 1e-16)
    gradient       G = g / root
    momentum       M = m / (1 - b1^t) / root
    Nesterov       M <- b1 M + (1 - b1) G
    RMS bound      D = M * min(1, 1 / RMS(M))

All functions take one variable, or a stack of variables of one shape with the axis `stack` in front
of everything.

Source: Kingma and Ba 2015 (Adam); Dozat 2016 (NAdam).
Differs: epsilon stands inside the root, so that the direction stays smooth in v.
"""

from typing import NamedTuple

import tensorflow as tf

from mnemosyne_tf.sums import row_sums
from mnemosyne_tf.variable_plan import VariablePlan

# Inside the root. Gradients below 1e-8 count as zero.
SECOND_MOMENT_EPSILON = 1e-16
SCALE_EPSILON = 1e-16
RMS_BOUND = 1.0


class Directions(NamedTuple):
    """The gradient and the momentum over the root of the second moment, the variable's shape."""

    gradient: tf.Tensor
    momentum: tf.Tensor


def of_horizon(decay: tf.Tensor, horizon: tf.Tensor | float) -> tf.Tensor:
    """The decay of an average that reaches `horizon` times as far back as one of `decay`."""
    return 1.0 - (1.0 - decay) / horizon


def accumulate(
    gradient: tf.Tensor, momentum: tf.Tensor, second_moment: tf.Tensor, *, decays: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Moves the accumulators by one gradient.

    Args:
        gradient, momentum, second_moment: any one shape.
        decays: `[2, ...]`, b1 and b2, each in [0, 1), which broadcast against the gradient.

    Returns:
        The momentum and the second moment, not corrected for their bias.
    """
    b1, b2 = tf.unstack(decays)
    momentum = b1 * momentum + (1.0 - b1) * gradient
    return momentum, b2 * second_moment + (1.0 - b2) * tf.square(gradient)


def directions(
    gradient: tf.Tensor,
    momentum: tf.Tensor,
    second_moment: tf.Tensor,
    *,
    decays: tf.Tensor,
    step: tf.Tensor,
) -> Directions:
    """Divides the gradient and the momentum by the root of the second moment.

    Args:
        gradient, momentum, second_moment: any one shape; the accumulators hold the gradient.
        decays: `[2, ...]`, b1 and b2, which broadcast against the gradient.
        step: float32 `[]`, the number of gradients accumulated, at least 1.
    """
    # 1 - b^step without the cancellation that costs digits while the power is close to one.
    corrections = tf.unstack(-1.0 / tf.math.expm1(step * tf.math.log(decays)))
    inverse = tf.math.rsqrt(second_moment * corrections[1] + SECOND_MOMENT_EPSILON)
    return Directions(gradient * inverse, momentum * corrections[0] * inverse)


def nesterov(directions: Directions, momentum_decay: tf.Tensor) -> Directions:
    """Replaces m by b1 m + (1 - b1) g: the momentum after the same gradient once more.

    Args:
        directions: from `directions`.
        momentum_decay: b1, which broadcasts against the directions.
    """
    gradient, momentum = directions
    return Directions(gradient, momentum + (1.0 - momentum_decay) * (gradient - momentum))


def inverse_rms(tensor: tf.Tensor, plan: VariablePlan) -> tf.Tensor:
    """1 / RMS over each variable, in a shape that broadcasts against `tensor`."""
    row_len = (1, *plan.shape)[-1]
    sums = row_sums(tf.reshape(tf.square(tensor), [-1, row_len]))
    means = row_sums(tf.reshape(sums, [-1, plan.num_coords // row_len])) / float(plan.num_coords)
    rank = tensor.shape.rank
    return tf.reshape(tf.math.rsqrt(means + SCALE_EPSILON), ([-1] + [1] * rank)[:rank])


def bounded(direction: tf.Tensor, inverse_rms: tf.Tensor) -> tf.Tensor:
    """Lowers the RMS of a direction to `RMS_BOUND` where it exceeds it."""
    return direction * tf.minimum(1.0, RMS_BOUND * inverse_rms)
