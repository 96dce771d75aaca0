"""Gradient features: what the optimizer looks at, coordinate by coordinate, relative only.

    momentum       m <- b1 m + (1 - b1) g
    second_moment  v <- b2 v + (1 - b2) g^2

both bias-corrected, give three features of a coordinate,

    gradient  g / sqrt(v + eps)        momentum  m / sqrt(v + eps)        weight  p

each divided by its root mean square (RMS) over the tensor before use, so that none changes when the
loss is multiplied by a constant. No absolute time and no loss value is seen; the fraction of the
run only where `total_steps` is known.

Source: Lv et al. 2017 (RNNprop: g and m over sqrt(v)); Metz et al. 2022 (division by the RMS).
Differs: the Nesterov mix, a linear combination of the first two, is left to the linear maps that
read the features.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from mnemosyne_tf.parameter_routing import VariablePlan
from mnemosyne_tf.sums import row_sums

# Inside the root, so that the direction stays smooth in v. Gradients below 1e-8 count as zero.
SECOND_MOMENT_EPSILON = 1e-16
SCALE_EPSILON = 1e-16
CONTEXT_EPSILON = 1e-6
CLIP = 8.0
# Which two features make each pooled product: gg, mm, ww, gm, mw, gw.
FIRST = np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1, 0]]
SECOND = np.eye(3, dtype=np.float32)[[0, 1, 2, 1, 2, 2]]


class GradientFeatures(NamedTuple):
    """The three features, each `[num_chunks, chunk_len]`, zero on padding."""

    gradient: tf.Tensor
    momentum: tf.Tensor
    weight: tf.Tensor


class Moments(NamedTuple):
    """Raw accumulators of one variable and Adam's two normalised directions.

    All in the shape of the variable.
    """

    momentum: tf.Tensor
    second_moment: tf.Tensor
    gradient_direction: tf.Tensor
    momentum_direction: tf.Tensor


class PooledFeatures(NamedTuple):
    """What level 1 of the encoder pools.

    Attributes:
        statistics: `[num_chunks, 6]`, means over each chunk of the products gg, mm, ww, gm, mw, gw
            of the features, every feature divided by its RMS over the tensor; the means are then
            compressed by x / sqrt(1 + |x|).
        context: `[1, 6]`, log mean square of gradient and momentum (tenths), the cosines of
            gradient and momentum and of momentum and weight over the tensor, whether the length of
            the run is known, fraction of the run.
        factors: 1 / RMS over the tensor of each feature, each `[1]`.
    """

    statistics: tf.Tensor
    context: tf.Tensor
    factors: GradientFeatures


def accumulate(
    gradient: tf.Tensor,
    momentum: tf.Tensor,
    second_moment: tf.Tensor,
    *,
    decays: tf.Tensor,
    step: tf.Tensor,
) -> Moments:
    """Moves the accumulators by one gradient and divides by the root of the second moment.

    Args:
        gradient, momentum, second_moment: any one shape.
        decays: `[2]`, b1 and b2, each in [0, 1).
        step: float32 `[]`, gradients accumulated including this one, at least 1.
    """
    b1, b2 = tf.unstack(decays)
    momentum = b1 * momentum + (1.0 - b1) * gradient
    second_moment = b2 * second_moment + (1.0 - b2) * tf.square(gradient)
    # 1 - b^step without the cancellation that costs digits while the power is close to one.
    corrections = tf.unstack(-1.0 / tf.math.expm1(step * tf.math.log(decays)))
    inverse = tf.math.rsqrt(second_moment * corrections[1] + SECOND_MOMENT_EPSILON)
    return Moments(momentum, second_moment, gradient * inverse, momentum * corrections[0] * inverse)


def to_chunks(tensor: tf.Tensor, plan: VariablePlan) -> tf.Tensor:
    """Vectorises a tensor and cuts it into `[num_chunks, chunk_len]`, zeros at the end."""
    flat = tf.reshape(tensor, [plan.num_coords])
    padding = plan.num_chunks * plan.chunk_len - plan.num_coords
    if padding:
        flat = tf.pad(flat, [[0, padding]])
    return tf.reshape(flat, [plan.num_chunks, plan.chunk_len])


def from_chunks(chunks: tf.Tensor, plan: VariablePlan) -> tf.Tensor:
    """The inverse of `to_chunks`: drops the padding and restores the shape of the variable."""
    return tf.reshape(tf.reshape(chunks, [-1])[: plan.num_coords], plan.shape)


def raw_features(moments: Moments, weight: tf.Tensor, plan: VariablePlan) -> GradientFeatures:
    """The three features before normalisation."""
    return GradientFeatures(
        gradient=to_chunks(moments.gradient_direction, plan),
        momentum=to_chunks(moments.momentum_direction, plan),
        weight=to_chunks(weight, plan),
    )


def pool(
    features: GradientFeatures, *, plan: VariablePlan, progress: tuple[tf.Tensor, tf.Tensor]
) -> PooledFeatures:
    """Pools products of the features over each chunk and over the tensor.

    The sums are taken before the division by the RMS, which they also yield: one pass over the
    coordinates serves both.

    Args:
        features: from `raw_features`.
        plan: static facts of the variable.
        progress: whether the length of the run is known, and the fraction done, each `[]`.
    """
    g, m, w = features
    products = tf.concat([g * g, m * m, w * w, g * m, m * w, g * w], axis=0)
    sums = tf.reshape(row_sums(products), [6, plan.num_chunks])
    means = row_sums(sums) / float(plan.num_coords)
    factors = tf.math.rsqrt(means[:3] + SCALE_EPSILON)
    units = tf.matmul(FIRST, factors) * tf.matmul(SECOND, factors)
    relative = sums * units / np.array(plan.chunk_counts, np.float32)
    compressed = relative * tf.math.rsqrt(1.0 + tf.abs(relative))
    context = tf.concat(
        [
            0.1 * tf.math.log(means[:2, 0] + CONTEXT_EPSILON),
            (means * units)[3:5, 0],
            tf.stack(progress),
        ],
        axis=0,
    )
    return PooledFeatures(
        statistics=tf.transpose(compressed),
        context=context[tf.newaxis],
        factors=GradientFeatures(*tf.unstack(factors)),
    )


def normalise(features: GradientFeatures, factors: GradientFeatures) -> GradientFeatures:
    """Divides each feature by its RMS over the tensor and clips it to [-8, 8].

    Args:
        features: from `raw_features`.
        factors: 1 / RMS of each, from `pool`.
    """
    pairs = zip(features, factors, strict=True)
    return GradientFeatures(
        *(tf.clip_by_value(feature * factor, -CLIP, CLIP) for feature, factor in pairs)
    )
