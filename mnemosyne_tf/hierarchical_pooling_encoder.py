"""The hierarchical pooling encoder: a tensor of any size becomes a few meta-tokens.

Level 1 turns the coordinates of a chunk into one vector, level 2 is a bi-directional Performer
over the chunk vectors of the tensor. Level 1 has two forms:

- "mean": DeepSets pooling of elementwise products of the gradient features. The products are even
  in the coordinates, so the vector does not depend on signs; the learned map comes after the mean
  (it is linear), so nothing of size [num_coords, width] is ever made.
- "performer": every coordinate is embedded, the chunk attends to itself, the mean is taken.

Source: Jain et al. 2023, figure 1 and its caption (vectorise, chunk, encode, pool, two levels).
Differs: "mean" is ours and the default; chunks are cut evenly; the tensor's context joins level 1.
"""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from mnemosyne_tf.gradient_features import GradientFeatures, PooledFeatures
from mnemosyne_tf.meta_params import Structure
from mnemosyne_tf.parameter_routing import VariablePlan
from mnemosyne_tf.random_features import (
    bounded,
    hyperbolic_features,
    layer_norm,
    orthogonal_projection,
)


def projection(structure: Structure, stream: str) -> tf.Tensor:
    """The fixed random directions of one part ("level_1", "level_2" or "memory")."""
    offset = ("level_1", "level_2", "memory").index(stream)
    return tf.constant(
        orthogonal_projection(
            structure.seed + offset,
            num_features=structure.num_random_features,
            width=structure.width,
        )
    )


def performer_layer(
    meta_params: Mapping[str, tf.Tensor],
    tokens: tf.Tensor,
    *,
    prefix: str,
    directions: tf.Tensor,
    mask: tf.Tensor | None = None,
) -> tf.Tensor:
    """One pre-norm Performer block: linear attention over all tokens, then a two-layer network.

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
    normed = layer_norm(tokens)
    queries = hyperbolic_features(bounded(normed @ meta_params[f"{prefix}/query"]), directions)
    keys = hyperbolic_features(bounded(normed @ meta_params[f"{prefix}/key"]), directions)
    values = normed @ meta_params[f"{prefix}/value"]
    if mask is not None:
        keys = keys * mask[..., tf.newaxis]
    totals = tf.einsum("...nr,...nd->...rd", keys, values)
    weights = tf.reduce_sum(keys, axis=-2)
    attended = tf.einsum("...nr,...rd->...nd", queries, totals)
    attended /= tf.einsum("...nr,...r->...n", queries, weights)[..., tf.newaxis]
    tokens = tokens + attended @ meta_params[f"{prefix}/output"]
    inner = tf.tanh(layer_norm(tokens) @ meta_params[f"{prefix}/inner"])
    return tokens + inner @ meta_params[f"{prefix}/outer"]


def _mean_level(meta_params: Mapping[str, tf.Tensor], pooled: PooledFeatures) -> tf.Tensor:
    return tf.tanh(
        pooled.statistics @ meta_params["level_1/statistics"]
        + tf.einsum("c,cd->d", pooled.context, meta_params["level_1/context"])
        + meta_params["level_1/bias"]
    )


def _performer_level(
    meta_params: Mapping[str, tf.Tensor],
    features: GradientFeatures,
    pooled: PooledFeatures,
    *,
    plan: VariablePlan,
    structure: Structure,
) -> tf.Tensor:
    kernel = meta_params["level_1/features"]
    tokens = tf.stack(features, axis=-1) @ kernel
    tokens += tf.einsum("c,cd->d", pooled.context, meta_params["level_1/context"])
    tokens += meta_params["level_1/bias"]
    counts = np.array(plan.chunk_counts)
    mask = (np.arange(plan.chunk_len) < counts[:, None]).astype(np.float32)
    encoded = performer_layer(
        meta_params,
        tokens,
        prefix="level_1",
        directions=projection(structure, "level_1"),
        mask=tf.constant(mask),
    )
    return tf.einsum("knd,kn->kd", encoded, mask / counts[:, None].astype(np.float32))


def encode(
    meta_params: Mapping[str, tf.Tensor],
    features: GradientFeatures,
    pooled: PooledFeatures,
    *,
    plan: VariablePlan,
    structure: Structure,
) -> tf.Tensor:
    """Encodes one tensor into its meta-tokens.

    Args:
        meta_params: entries under `level_1/` and `level_2/`.
        features: normalised gradient features, each `[num_chunks, chunk_len]`.
        pooled: their pooled products and the context of the tensor.
        plan: static facts of the variable.
        structure: static facts of the meta-parameters.

    Returns:
        xi, `[num_chunks, width]`, layer-normalised.
    """
    if structure.level_1 == "mean":
        chunk_vectors = _mean_level(meta_params, pooled)
    else:
        chunk_vectors = _performer_level(
            meta_params, features, pooled, plan=plan, structure=structure
        )
    tokens = performer_layer(
        meta_params,
        chunk_vectors,
        prefix="level_2",
        directions=projection(structure, "level_2"),
    )
    return layer_norm(tokens)
