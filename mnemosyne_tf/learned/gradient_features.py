"""Gradient features: what the optimizer sees of a coordinate, relative only.

    gradient  g / sqrt(v + eps)        momentum  m / sqrt(v + eps)        weight  p

Each is divided by its root mean square (RMS) over the tensor before use, so that none changes when
the loss is multiplied by a constant. No absolute time and no loss value is seen; the fraction of
the run only where `total_steps` is known. m and v are the bias-corrected accumulators of
`adam_direction`; with a nominal direction m is one gradient ahead (Nesterov).

All functions take a stack of variables of one shape: `stack` is the first axis of everything.

Source: Lv et al. 2017 (RNNprop: g and m over sqrt(v)); Metz et al. 2022 (division by the RMS).
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from mnemosyne_tf.adam_direction import SCALE_EPSILON, Directions
from mnemosyne_tf.sums import row_sums
from mnemosyne_tf.variable_plan import VariablePlan

CONTEXT_EPSILON = 1e-6
CLIP = 8.0
# Which two features make each pooled product: gg, mm, ww, gm, mw, gw.
FIRST = np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1, 0]]
SECOND = np.eye(3, dtype=np.float32)[[0, 1, 2, 1, 2, 2]]


class GradientFeatures(NamedTuple):
    """The three features, each `[stack, *plan.grid]`, zero on padding."""

    gradient: tf.Tensor
    momentum: tf.Tensor
    weight: tf.Tensor


class PooledFeatures(NamedTuple):
    """What level 1 of the encoder pools.

    Attributes:
        statistics: `[stack, num_chunks, 6]`, means over each chunk of the products gg, mm, ww, gm,
            mw, gw of the features, every feature divided by its RMS over the tensor; the means are
            then compressed by x / sqrt(1 + |x|).
        context: `[stack, 1, 6]`, log mean square of gradient and momentum (tenths), the cosines of
            gradient and momentum and of momentum and weight over the tensor, whether the length of
            the run is known, fraction of the run.
        factors: 1 / RMS over the tensor of each feature, each `[stack, 1, 1, 1]`.
    """

    statistics: tf.Tensor
    context: tf.Tensor
    factors: GradientFeatures


def to_chunks(tensor: tf.Tensor, plan: VariablePlan) -> tf.Tensor:
    """Cuts variables into chunks, `[stack, *plan.grid]`, zeros at the end."""
    if plan.padding:
        flat = tf.reshape(tensor, [-1, plan.num_coords])
        tensor = tf.pad(flat, [[0, 0], [0, plan.padding]])
    return tf.reshape(tensor, [-1, *plan.grid])


def from_chunks(chunks: tf.Tensor, plan: VariablePlan) -> tf.Tensor:
    """The inverse of `to_chunks`, `[stack, *shape]`: drops the padding."""
    if plan.padding:
        flat = tf.reshape(chunks, [-1, plan.num_coords + plan.padding])
        chunks = flat[:, : plan.num_coords]
    return tf.reshape(chunks, [-1, *plan.shape])


def raw_features(directions: Directions, weight: tf.Tensor, plan: VariablePlan) -> GradientFeatures:
    """The three features before normalisation."""
    return GradientFeatures(
        gradient=to_chunks(directions.gradient, plan),
        momentum=to_chunks(directions.momentum, plan),
        weight=to_chunks(weight, plan),
    )


def _chunk_sums(chunks: tf.Tensor, plan: VariablePlan) -> tf.Tensor:
    """Sums over each chunk, `[stack, num_chunks]`."""
    rows = row_sums(tf.reshape(chunks, [-1, plan.grid[-1]]))
    sums = row_sums(tf.reshape(rows, [-1, plan.chunk_len // plan.grid[-1]]))
    return tf.reshape(sums, [-1, plan.num_chunks])


def pool(
    features: GradientFeatures, *, plan: VariablePlan, progress: tuple[tf.Tensor, tf.Tensor]
) -> PooledFeatures:
    """Pools products of the features over each chunk and over the tensor.

    The sums are taken before the division by the RMS, which they also yield: one pass over the
    coordinates serves both.

    Args:
        features: from `raw_features`.
        plan: static facts of the variables.
        progress: whether the length of the run is known, and the fraction done, each `[]`.
    """
    g, m, w = features
    products = (g * g, m * m, w * w, g * m, m * w, g * w)
    sums = tf.stack([_chunk_sums(product, plan) for product in products], axis=1)
    totals = row_sums(tf.reshape(sums, [-1, plan.num_chunks]))
    means = tf.reshape(totals / float(plan.num_coords), [-1, 6, 1])
    factors = tf.math.rsqrt(means[:, :3] + SCALE_EPSILON)
    units = tf.matmul(FIRST, factors) * tf.matmul(SECOND, factors)
    relative = sums * units / np.array(plan.chunk_counts, np.float32)
    compressed = relative * tf.math.rsqrt(1.0 + tf.abs(relative))
    context = tf.concat(
        [
            0.1 * tf.math.log(means[:, :2, 0] + CONTEXT_EPSILON),
            (means * units)[:, 3:5, 0],
            tf.tile(tf.stack(progress)[tf.newaxis], [means.shape[0], 1]),
        ],
        axis=1,
    )
    return PooledFeatures(
        statistics=tf.linalg.matrix_transpose(compressed),
        context=context[:, tf.newaxis],
        factors=GradientFeatures(*tf.unstack(factors[..., tf.newaxis, tf.newaxis], axis=1)),
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
