"""The compact associative memory: what a meta-token remembers of its own past.

    q = W_Q xi, k = W_K xi, v = W_V xi
    N   <- e^-tau N + phi(k) v^T        [num_chunks, num_features, width]
    Psi <- e^-tau Psi + phi(k)          [num_chunks, num_features]
    xi' = xi + N^T phi(q) / (phi(q) . Psi)

The memory is written first and read after, so the first read returns v exactly. The read value is
a convex combination of all past v: it can never leave their hull, however long the run. With
W_K = 0 it is the bias-corrected exponential moving average of v with decay e^-tau, the very
average that Adam keeps; with tau -> infinity it is v.

Source: Jain et al. 2023, section 3.3, equations (2) to (5).
Differs: q and k are layer-normalised and scaled to length 0.7, hence no overflow guard is needed.
The factor exp(-|q|^2 / 2) cancels in the ratio and is computed anyway, to keep one phi.
"""

from collections.abc import Mapping
from typing import NamedTuple

import tensorflow as tf

from mnemosyne_tf.random_features import bounded, hyperbolic_features


class MemoryState(NamedTuple):
    """Memory of all meta-tokens of one variable; zeros before the first write.

    Attributes:
        values: N, `[num_chunks, num_features, width]`.
        weights: Psi, `[num_chunks, num_features]`.
    """

    values: tf.Tensor
    weights: tf.Tensor


def write(state: MemoryState, *, keys: tf.Tensor, values: tf.Tensor, tau: tf.Tensor) -> MemoryState:
    """Discounts the memory and adds one key-value pair to each meta-token.

    Args:
        state: the memory before.
        keys: phi(k), `[num_chunks, num_features]`.
        values: v, `[num_chunks, width]`.
        tau: `[]`, discount per step, 0 forgets nothing.
    """
    decay = tf.exp(-tau)
    return MemoryState(
        values=decay * state.values + keys[:, :, tf.newaxis] * values[:, tf.newaxis, :],
        weights=decay * state.weights + keys,
    )


def read(state: MemoryState, queries: tf.Tensor) -> tf.Tensor:
    """Returns the kernel-weighted mean of the past values, `[num_chunks, width]`.

    Args:
        state: a memory that was written at least once.
        queries: phi(q), `[num_chunks, num_features]`.
    """
    # Sums of products, not batched matrix products: they fuse with the write before them.
    totals = tf.reduce_sum(state.values * queries[:, :, tf.newaxis], axis=1)
    return totals / tf.reduce_sum(state.weights * queries, axis=1, keepdims=True)


def remember(
    meta_params: Mapping[str, tf.Tensor],
    meta_tokens: tf.Tensor,
    state: MemoryState,
    *,
    projection: tf.Tensor,
) -> tuple[tf.Tensor, MemoryState]:
    """Writes the meta-tokens into their memory, then reads it.

    Args:
        meta_params: entries `memory/query`, `memory/key`, `memory/value` `[width, width]` and
            `memory/log_tau` `[]`.
        meta_tokens: xi, `[num_chunks, width]`.
        state: the memory before.
        projection: `[num_features / 2, width]`.

    Returns:
        xi', `[num_chunks, width]`, and the memory after.
    """
    queries = bounded(meta_tokens @ meta_params["memory/query"])
    keys = bounded(meta_tokens @ meta_params["memory/key"])
    state = write(
        state,
        keys=hyperbolic_features(keys, projection),
        values=meta_tokens @ meta_params["memory/value"],
        tau=tf.exp(meta_params["memory/log_tau"]),
    )
    return meta_tokens + read(state, hyperbolic_features(queries, projection)), state
