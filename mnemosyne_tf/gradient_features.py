"""Gradient features: what the optimizer looks at, coordinate by coordinate, relative only.

    momentum       m <- b1 m + (1 - b1) g
    second_moment  v <- b2 v + (1 - b2) g^2

both bias-corrected, give four features of a coordinate, none of which changes when the loss is
multiplied by a constant:

    gradient  g / sqrt(v + eps)          momentum  m / sqrt(v + eps)
    nesterov  (b1 m + (1 - b1) g) / sqrt(v + eps)          weight  p

Each is divided by its root mean square over the tensor before it is used. No absolute time and no
loss value is seen; the fraction of the run only where `total_steps` is known.

Source: Lv et al. 2017 (RNNprop: g and m over sqrt(v)); Metz et al. 2022 (division by the RMS).
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from mnemosyne_tf.parameter_routing import VariablePlan

# Inside the root, so that the direction stays smooth in v. Gradients below 1e-8 count as zero.
SECOND_MOMENT_EPSILON = 1e-16
SCALE_EPSILON = 1e-16
CONTEXT_EPSILON = 1e-6
CLIP = 8.0


class Moments(NamedTuple):
    """Raw and bias-corrected accumulators of one variable, all in the shape of the variable."""

    momentum: tf.Tensor
    second_moment: tf.Tensor
    corrected_momentum: tf.Tensor
    corrected_second_moment: tf.Tensor


class GradientFeatures(NamedTuple):
    """The four features, each `[num_chunks, chunk_len]`, zero on padding."""

    gradient: tf.Tensor
    momentum: tf.Tensor
    nesterov: tf.Tensor
    weight: tf.Tensor


class PooledFeatures(NamedTuple):
    """What level 1 of the encoder pools.

    Attributes:
        statistics: `[num_chunks, 7]`, compressed means over each chunk of the products
            gradient^2, momentum^2, weight^2, gradient momentum, momentum weight, gradient weight
            and of |momentum|, every feature divided by its RMS over the tensor.
        context: `[6]`, log RMS of gradient and momentum, their cosine, the cosine of momentum and
            weight, whether the length of the run is known, fraction of the run.
        scales: RMS over the tensor of gradient, momentum and weight, each `[]`.
    """

    statistics: tf.Tensor
    context: tf.Tensor
    scales: tuple[tf.Tensor, tf.Tensor, tf.Tensor]


def accumulate(
    gradient: tf.Tensor,
    momentum: tf.Tensor,
    second_moment: tf.Tensor,
    *,
    decays: tuple[tf.Tensor, tf.Tensor],
    step: tf.Tensor,
) -> Moments:
    """Moves the accumulators by one gradient.

    Args:
        gradient, momentum, second_moment: any one shape.
        decays: b1 and b2, each `[]`, in [0, 1).
        step: float32 `[]`, gradients accumulated including this one, at least 1.
    """
    b1, b2 = decays
    momentum = b1 * momentum + (1.0 - b1) * gradient
    second_moment = b2 * second_moment + (1.0 - b2) * tf.square(gradient)
    # 1 - b^step without the cancellation that costs digits while the power is close to one.
    correction_1 = -tf.math.expm1(step * tf.math.log(b1))
    correction_2 = -tf.math.expm1(step * tf.math.log(b2))
    return Moments(momentum, second_moment, momentum / correction_1, second_moment / correction_2)


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


def raw_features(
    gradient: tf.Tensor, weight: tf.Tensor, moments: Moments, *, b1: tf.Tensor, plan: VariablePlan
) -> GradientFeatures:
    """The four features before normalisation; the momentum feature is Adam's direction."""
    inverse = tf.math.rsqrt(moments.corrected_second_moment + SECOND_MOMENT_EPSILON)
    gradient = gradient * inverse
    momentum = moments.corrected_momentum * inverse
    return GradientFeatures(
        gradient=to_chunks(gradient, plan),
        momentum=to_chunks(momentum, plan),
        nesterov=to_chunks(b1 * momentum + (1.0 - b1) * gradient, plan),
        weight=to_chunks(weight, plan),
    )


def pool(
    features: GradientFeatures, *, plan: VariablePlan, progress: tuple[tf.Tensor, tf.Tensor]
) -> PooledFeatures:
    """Pools products of the features over each chunk and over the tensor.

    The sums are taken before the division by the RMS, so that one pass serves both levels.

    Args:
        features: from `raw_features`.
        plan: static facts of the variable.
        progress: whether the length of the run is known, and the fraction done, each `[]`.
    """
    g, m, w = features.gradient, features.momentum, features.weight
    products = (g * g, m * m, w * w, g * m, m * w, g * w, tf.abs(m))
    sums = [tf.reduce_sum(product, axis=1) for product in products]
    means = [tf.reduce_sum(chunk_sums) / float(plan.num_coords) for chunk_sums in sums]
    scale_g, scale_m, scale_w = (tf.sqrt(mean + SCALE_EPSILON) for mean in means[:3])
    units = (
        scale_g * scale_g,
        scale_m * scale_m,
        scale_w * scale_w,
        scale_g * scale_m,
        scale_m * scale_w,
        scale_g * scale_w,
        scale_m,
    )
    counts = np.array(plan.chunk_counts, np.float32)
    statistics = tf.stack(
        [chunk_sums / (counts * unit) for chunk_sums, unit in zip(sums, units, strict=True)],
        axis=1,
    )
    context = tf.stack(
        [
            0.1 * tf.math.log(means[0] + CONTEXT_EPSILON),
            0.1 * tf.math.log(means[1] + CONTEXT_EPSILON),
            means[3] / units[3],
            means[4] / units[4],
            *progress,
        ]
    )
    compressed = tf.sign(statistics) * tf.math.log1p(tf.abs(statistics))
    return PooledFeatures(compressed, context, (scale_g, scale_m, scale_w))


def normalise(features: GradientFeatures, pooled: PooledFeatures, *, plan: VariablePlan):
    """Divides each feature by its RMS over the tensor and clips it to [-8, 8].

    Returns:
        `GradientFeatures`, each `[num_chunks, chunk_len]`.
    """
    squares = tf.reduce_sum(tf.reduce_sum(tf.square(features.nesterov), axis=1))
    nesterov_scale = tf.sqrt(squares / float(plan.num_coords) + SCALE_EPSILON)
    scale_g, scale_m, scale_w = pooled.scales
    scales = (scale_g, scale_m, nesterov_scale, scale_w)
    return GradientFeatures(
        *(
            tf.clip_by_value(feature / scale, -CLIP, CLIP)
            for feature, scale in zip(features, scales, strict=True)
        )
    )
