"""The hierarchical pooling encoder: a tensor of any size becomes a few meta-tokens.

Level 1 turns the coordinates of a chunk into one vector, level 2 is a bi-directional Performer
over the chunk vectors of the tensor. Level 1 has three forms:

- "mean": DeepSets pooling of elementwise products of the gradient features. The products are even
  in the coordinates, so the vector does not depend on signs; the learned map comes after the mean
  (it is linear), so nothing of size [num_coords, width] is ever made.
- "performer": every coordinate is embedded, the chunk attends to itself, the mean is taken.
- "none": every coordinate is embedded and is a chunk, the coordinate-wise variant.

Level 2 may be left out ("none"); what level 1 says of a chunk is then its meta-token.

Source: Jain et al. 2023, figure 1 and its caption (vectorise, chunk, encode, pool, two levels).
Differs: "mean" is ours and the default; chunks are cut evenly; the tensor's context joins level 1.
"""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from mnemosyne_tf.learned import gradient_features
from mnemosyne_tf.learned.gradient_features import GradientFeatures, PooledFeatures
from mnemosyne_tf.learned.random_features import (
    orthogonal_projection,
    query_key_value,
    ratio,
    rms_norm,
)
from mnemosyne_tf.structure import Structure
from mnemosyne_tf.variable_plan import VariablePlan


def projection(structure: Structure, stream: str) -> np.ndarray:
    """The fixed random directions of one part ("level_1", "level_2" or "memory")."""
    offset = ("level_1", "level_2", "memory").index(stream)
    return orthogonal_projection(
        structure.seed + offset, num_features=structure.num_random_features, width=structure.width
    )


def performer_layer(
    meta_params: Mapping[str, tf.Tensor],
    tokens: tf.Tensor,
    *,
    prefix: str,
    directions: np.ndarray,
    mask: tf.Tensor | None = None,
) -> tf.Tensor:
    """One Performer block: linear attention over all tokens, then a two-layer network.

    Without normalisation inside: tokens enter bounded, `encode` normalises once at the end.

    Args:
        meta_params: entries `{prefix}/query|key|value|output` `[width, width]` and
            `{prefix}/inner` `[width, 2 * width]`, `{prefix}/outer` `[2 * width, width]`.
        tokens: `[..., num_tokens, width]`.
        prefix: "level_1" or "level_2".
        directions: `[num_features / 2, width]`.
        mask: 1.0 on real tokens, 0.0 on padding, `[..., num_tokens]`; None when all are real.

    Returns:
        `[..., num_tokens, width]`.
    """
    names = (f"{prefix}/query", f"{prefix}/key", f"{prefix}/value")
    queries, keys, values = query_key_value(meta_params, tokens, names=names, projection=directions)
    if mask is not None:
        keys = keys * mask[..., tf.newaxis]
    summary = tf.matmul(keys, values, transpose_a=True)
    attended = ratio(tf.matmul(queries, summary))
    tokens = tokens + tf.matmul(attended, meta_params[f"{prefix}/output"])
    inner = tf.tanh(tf.matmul(tokens, meta_params[f"{prefix}/inner"]))
    return tokens + tf.matmul(inner, meta_params[f"{prefix}/outer"])


def _context_bias(meta_params: Mapping[str, tf.Tensor], pooled: PooledFeatures) -> tf.Tensor:
    context = tf.matmul(pooled.context, meta_params["level_1/context"])
    return context + meta_params["level_1/bias"]


def _mean_level(meta_params: Mapping[str, tf.Tensor], pooled: PooledFeatures) -> tf.Tensor:
    mapped = tf.matmul(pooled.statistics, meta_params["level_1/statistics"])
    return tf.tanh(mapped + _context_bias(meta_params, pooled))


def _embed(
    meta_params: Mapping[str, tf.Tensor],
    features: GradientFeatures,
    pooled: PooledFeatures,
    plan: VariablePlan,
) -> tf.Tensor:
    """One vector for every coordinate, `[stack, num_chunks, chunk_len, width]`."""
    normalised = gradient_features.normalise(features, pooled.factors)
    coords = [tf.reshape(each, [-1, plan.num_chunks, plan.chunk_len]) for each in normalised]
    embedded = tf.matmul(tf.stack(coords, axis=-1), meta_params["level_1/features"])
    return tf.tanh(embedded + _context_bias(meta_params, pooled)[:, tf.newaxis])


def _performer_level(
    meta_params: Mapping[str, tf.Tensor],
    embedded: tf.Tensor,
    *,
    plan: VariablePlan,
    structure: Structure,
) -> tf.Tensor:
    counts = np.array(plan.chunk_counts, np.float32)[:, np.newaxis]
    mask = (np.arange(plan.chunk_len) < counts).astype(np.float32)
    encoded = performer_layer(
        meta_params,
        embedded,
        prefix="level_1",
        directions=projection(structure, "level_1"),
        mask=tf.constant(mask),
    )
    return tf.einsum("skld,kl->skd", encoded, mask / counts)


def encode(
    meta_params: Mapping[str, tf.Tensor],
    features: GradientFeatures,
    pooled: PooledFeatures,
    *,
    plan: VariablePlan,
    structure: Structure,
) -> tf.Tensor:
    """Encodes each tensor of a stack into its meta-tokens.

    Args:
        meta_params: entries under `level_1/` and `level_2/`.
        features: raw gradient features.
        pooled: their pooled products and the context of the tensor.
        plan: static facts of the variable.
        structure: static facts of the meta-parameters.

    Returns:
        xi, `[stack, num_chunks, width]`, RMS-normalised.
    """
    if structure.level_1 == "mean":
        chunk_vectors = _mean_level(meta_params, pooled)
    elif structure.level_1 == "performer":
        embedded = _embed(meta_params, features, pooled, plan)
        chunk_vectors = _performer_level(meta_params, embedded, plan=plan, structure=structure)
    else:
        chunk_vectors = tf.squeeze(_embed(meta_params, features, pooled, plan), axis=2)
    if structure.level_2 == "none":
        return rms_norm(chunk_vectors)
    tokens = performer_layer(
        meta_params,
        chunk_vectors,
        prefix="level_2",
        directions=projection(structure, "level_2"),
    )
    return rms_norm(tokens)
