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

# Inside the root, so that the direction stays smooth in v. Gradients below 1e-8 count as zero.
SECOND_MOMENT_EPSILON = 1e-16
SCALE_EPSILON = 1e-16
CONTEXT_EPSILON = 1e-6
CLIP = 8.0
# Rows of the Gram matrix, flattened, that are kept: gg, mm, ww, gm, gw, mw.
GRAM_ENTRIES = (0, 4, 8, 1, 2, 5)


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
        statistics: `[num_chunks, 6]`, the Gram matrix of the three features over each chunk, in the
            order gg, mm, ww, gm, gw, mw; every feature divided by its RMS over the tensor, the
            entries then compressed by sign(x) log(1 + |x|).
        context: `[6]`, log mean square of gradient and momentum (tenths), the cosines of gradient
            and momentum and of momentum and weight over the tensor, whether the length of the run
            is known, fraction of the run.
        scales: `[3]`, RMS of each feature over the tensor.
    """

    statistics: tf.Tensor
    context: tf.Tensor
    scales: tf.Tensor


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


def stack_features(moments: Moments, weight: tf.Tensor, plan: VariablePlan) -> tf.Tensor:
    """The three features before normalisation, `[num_chunks, 3, chunk_len]`, zero on padding."""
    features = (moments.gradient_direction, moments.momentum_direction, weight)
    return tf.stack([to_chunks(feature, plan) for feature in features], axis=1)


def pool(
    features: tf.Tensor, *, plan: VariablePlan, progress: tuple[tf.Tensor, tf.Tensor]
) -> PooledFeatures:
    """Pools products of the features over each chunk and over the tensor.

    The Gram matrix of the raw features is one product of matrices over the coordinates; the
    division by the RMS, which it also yields, comes after.

    Args:
        features: `[num_chunks, 3, chunk_len]` from `stack_features`.
        plan: static facts of the variable.
        progress: whether the length of the run is known, and the fraction done, each `[]`.
    """
    gram = tf.matmul(features, features, transpose_b=True)
    mean = tf.reduce_sum(gram, axis=0) / float(plan.num_coords)
    squares = tf.linalg.diag_part(mean) + SCALE_EPSILON
    factors = tf.math.rsqrt(squares)
    units = factors[:, tf.newaxis] * factors
    counts = np.array(plan.chunk_counts, np.float32)[:, np.newaxis, np.newaxis]
    entries = tf.reshape(gram * (units / counts), [plan.num_chunks, 9])
    statistics = tf.gather(entries, GRAM_ENTRIES, axis=1)
    cosines = mean * units
    context = tf.stack(
        [
            0.1 * tf.math.log(squares[0] + CONTEXT_EPSILON),
            0.1 * tf.math.log(squares[1] + CONTEXT_EPSILON),
            cosines[0, 1],
            cosines[1, 2],
            *progress,
        ]
    )
    compressed = tf.sign(statistics) * tf.math.log1p(tf.abs(statistics))
    return PooledFeatures(compressed, context, tf.sqrt(squares))


def normalise(features: tf.Tensor, scales: tf.Tensor) -> tf.Tensor:
    """Divides each feature by its RMS over the tensor and clips it to [-8, 8].

    Args:
        features: `[num_chunks, 3, chunk_len]` from `stack_features`.
        scales: `[3]` from `pool`.
    """
    return tf.clip_by_value(features / scales[:, tf.newaxis], -CLIP, CLIP)
