"""Sensors: what an update measures of its tensor, and leaves behind for the next step.

    gradient    log mean g^2                       momentum   log (mean m^2 / mean g^2)
    agreement   cosine of g and m                  signal     log mean M^2, M = m / sqrt(v)
    radial      cosine of the step and the weight  ratio      log (mean (rate * step)^2 / mean W^2)

g is the gradient, m its bias-corrected momentum, M the direction before it is orthogonalised. Each
reading is averaged over some 5, 50 and 500 steps; the first ones are plain means. Of noise alone
`momentum` and `signal` are log((1 - b1) / (1 + b1)) and `agreement` its square root: they
measure the fraction of noise.

The update has all of it at hand, and of a large tensor a sample of rows is enough. What is kept are
20 floats a tensor. They are read one step later, before anything moves. Only differences of
`gradient` are used: a loss multiplied by a constant changes nothing.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from mnemosyne_tf.learned.model_entries import NUM_COUNTERS, NUM_KEPT, READINGS, WINDOWS
from mnemosyne_tf.sums import row_sums
from mnemosyne_tf.variable_plan import VariablePlan

# Mean squares below it count as zero: gradients below 1e-8. Of weights: below 1e-4.
EPSILON, WEIGHT_EPSILON = 1e-16, 1e-8
# Coordinates of a tensor, in whole rows at equal distances, that are measured: 0.4 % of a mean.
MEASURED_COORDS = 2**16
LOG_RANGE = (-8.0, 2.0)
RATIO_RANGE = (-24.0, 4.0)
# What brings the readings, and the differences of their averages, to about one.
LEVEL_SHIFTS = np.array([0.0, 0.0, 0.0, 0.0, 12.0], np.float32)
LEVEL_SCALES = np.array([0.25, 1.0, 0.25, 3.0, 0.15], np.float32)
TREND_SCALES = np.array([0.5, 0.5, 2.0, 0.5, 3.0, 0.5], np.float32)


class Measured(NamedTuple):
    """What is measured, each `[stack, *shape]`: what an update reads and makes anyway."""

    gradient: tf.Tensor
    momentum: tf.Tensor
    direction: tf.Tensor
    step: tf.Tensor
    weight: tf.Tensor


def readings(measured: Measured, rate: tf.Tensor, plan: VariablePlan) -> tf.Tensor:
    """The readings of one step, `[stack, len(READINGS)]`, in their order.

    Args:
        measured: gradient, bias-corrected momentum, direction, step and weight before it, float32.
        rate: what the step is multiplied by, `[stack]` or `[]`.
        plan: static facts of the variables.
    """
    g, m, direction, step, weight = (_sampled(each, plan) for each in measured)
    gg, mm, gm, signal, uu, ww, uw = (
        _means(one * other)
        for one, other in (
            (g, g), (m, m), (g, m), (direction, direction),
            (step, step), (weight, weight), (step, weight),
        )
    )  # fmt: skip
    moved = tf.square(rate) * uu
    return tf.stack(
        [
            tf.math.log(gg + EPSILON),
            tf.clip_by_value(tf.math.log((mm + EPSILON) / (gg + EPSILON)), *LOG_RANGE),
            gm * tf.math.rsqrt((gg + EPSILON) * (mm + EPSILON)),
            tf.clip_by_value(tf.math.log(signal + EPSILON), *LOG_RANGE),
            uw * tf.math.rsqrt((uu + EPSILON) * (ww + EPSILON)),
            tf.clip_by_value(tf.math.log((moved + EPSILON) / (ww + WEIGHT_EPSILON)), *RATIO_RANGE),
        ],
        axis=-1,
    )


def counted(kept: tf.Tensor, momentum_decay: tf.Tensor) -> tf.Tensor:
    """The counters after one gradient: one step more, and what the momentum keeps of its past.

    Args:
        kept: `[stack, NUM_KEPT]`, or of one `[NUM_KEPT]`; or the counters alone.
        momentum_decay: b1 of this step, `[stack]`.
    """
    of_each = tf.stack([tf.ones_like(momentum_decay), tf.math.log(momentum_decay)], axis=-1)
    others = kept.shape[-1] - NUM_COUNTERS
    return kept + tf.reshape(tf.pad(of_each, [[0, 0], [0, others]]), kept.shape)


def bias_correction(kept: tf.Tensor) -> tf.Tensor:
    """What a momentum is multiplied by, as it began with zeros, `[stack]`."""
    return -1.0 / tf.math.expm1(tf.reshape(kept, [-1, kept.shape[-1]])[:, 1])


def sense(
    state: Any,
    gradient: tf.Tensor,
    direction: tf.Tensor,
    step: tf.Tensor,
    rate: tf.Tensor,
    plan: VariablePlan,
) -> tf.Tensor:
    """What is kept of the steps after this one, the shape of `state.sensors`.

    Args:
        state: `VariableState` with accumulators and counters of this step, its weight not moved.
        gradient: any float dtype.
        direction: before it is orthogonalised.
        step: the direction that is taken, times `rate`.
        rate: `[stack]` or `[]`.
        plan: static facts of the variables.
    """
    bias = bias_correction(state.sensors)
    shaped = tf.reshape(bias, ([-1] + [1] * step.shape.rank)[: step.shape.rank])
    measured = Measured(
        gradient=tf.cast(gradient, tf.float32),
        momentum=state.momentum * shaped,
        direction=direction,
        step=step,
        weight=tf.cast(state.weight, tf.float32),
    )
    return averaged(state.sensors, readings(measured, rate, plan))


def averaged(kept: tf.Tensor, read: tf.Tensor) -> tf.Tensor:
    """The averages after one reading, the shape of `kept`.

    Args:
        kept: counters of this step, averages of the one before.
        read: `[stack, len(READINGS)]`.
    """
    # The mean of the first steps, then an average that forgets: no bias to correct.
    rows = tf.reshape(kept, [-1, NUM_KEPT])
    shares = tf.maximum(1.0 / tf.constant(WINDOWS, tf.float32), 1.0 / rows[:, :1])
    old = tf.reshape(rows[:, NUM_COUNTERS:], [-1, len(WINDOWS), len(READINGS)])
    new = old + shares[:, :, tf.newaxis] * (read[:, tf.newaxis] - old)
    flat = tf.reshape(new, [-1, NUM_KEPT - NUM_COUNTERS])
    return tf.reshape(tf.concat([rows[:, :NUM_COUNTERS], flat], axis=1), kept.shape)


def sensors(kept: tf.Tensor) -> tf.Tensor:
    """What a token sees of the past of its tensor, `[tensors, NUM_SENSORS]`.

    Levels over 50 steps, and two trends: 5 steps less 50, and 50 less 500. Zero before the first
    step.

    Args:
        kept: `[tensors, NUM_KEPT]`.
    """
    averages = tf.reshape(kept[:, NUM_COUNTERS:], [-1, len(WINDOWS), len(READINGS)])
    fast, middle, slow = tf.unstack(averages, axis=1)
    levels = (middle[:, 1:] + LEVEL_SHIFTS) * LEVEL_SCALES
    trends = [
        _compressed((fast - middle) * TREND_SCALES),
        _compressed((middle - slow) * TREND_SCALES),
    ]
    return tf.concat([levels, *trends], axis=1) * tf.minimum(kept[:, :1], 1.0)


def _compressed(x: tf.Tensor) -> tf.Tensor:
    return x * tf.math.rsqrt(1.0 + tf.square(x))


def row_stride(shape: tuple[int, ...]) -> int:
    """Of how many rows one is measured: of large tensors some `MEASURED_COORDS` are enough."""
    rows = math.prod(shape[:-1])
    return max(1, min(rows, math.prod(shape) // MEASURED_COORDS))


def _sampled(tensor: tf.Tensor, plan: VariablePlan) -> tf.Tensor:
    """The rows that are measured, `[stack, rows, row_len]`."""
    row_len = (1, *plan.shape)[-1]
    rows = tf.reshape(tensor, [-1, plan.num_coords // row_len, row_len])
    return rows[:, :: row_stride(plan.shape)]


def _means(product: tf.Tensor) -> tf.Tensor:
    """Means over each of a stack, `[stack]`."""
    _, num_rows, row_len = product.shape
    rows = row_sums(tf.reshape(product, [-1, row_len]))
    return row_sums(tf.reshape(rows, [-1, num_rows]))[:, 0] / (num_rows * row_len)
