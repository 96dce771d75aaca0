"""The compact associative memory: what a meta-token remembers of its own past.

    q = W_Q xi, k = W_K xi, v = W_V xi
    N   <- e^-tau N + phi(k) v^T        [num_chunks, num_features, width]
    Psi <- e^-tau Psi + phi(k)          [num_chunks, num_features]
    xi' = xi + N^T phi(q) / (phi(q) . Psi)

The memory is written first and read after, so the first read returns v exactly. The read value is
a convex combination of all past v: it can never leave their hull, however long the run. With
W_K = 0 it is the bias-corrected exponential moving average of v with decay e^-tau, the very
average that Adam keeps; with tau -> infinity it is v.

N and Psi are kept in one array: Psi is the column that remembers the constant value 1.

With several heads a meta-token has a memory for each, all written with the same phi(k) and v and
read with the same phi(q), but every head h with its own tau_h: a fast and a slow memory tell a
trend from a level. Their answers are mapped and added, xi' = xi + sum_h answer_h O_h. One head has
no O and is exactly the above.

Source: Jain et al. 2023, section 3.3, equations (2) to (5).
Differs: q and k are normalised and scaled to length 0.7, hence no overflow guard is needed. The
factor exp(-|q|^2 / 2) cancels in the ratio and is computed anyway, to keep one phi. Heads that
share their keys and differ in tau alone are ours.
"""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from mnemosyne_tf.learned.random_features import query_key_value, ratio


def write(
    memory: tf.Tensor, *, keys: tf.Tensor, values: tf.Tensor, tau: tf.Tensor | float
) -> tf.Tensor:
    """Discounts the memory and adds one key-value pair to each meta-token.

    Args:
        memory: [N, Psi], `[num_chunks, num_features, width + 1]`, zeros before the first write.
        keys: phi(k), `[num_chunks, num_features]`.
        values: [v, 1], `[num_chunks, width + 1]`.
        tau: discount per step, `[]` or one for every row, `[num_features, 1]`; 0 forgets nothing.

    Returns:
        The memory after, same shape.
    """
    return tf.exp(-tau) * memory + keys[:, :, tf.newaxis] * values[:, tf.newaxis, :]


def read(memory: tf.Tensor, queries: tf.Tensor) -> tf.Tensor:
    """Returns the kernel-weighted mean of the past values, `[num_chunks, width]`.

    Args:
        memory: `[num_chunks, num_features, width + 1]`, written at least once.
        queries: phi(q), `[num_chunks, num_features]`.
    """
    # A sum of products, not a batched matrix product: it fuses with the write before it.
    return ratio(tf.reduce_sum(memory * queries[:, :, tf.newaxis], axis=1))


def remember(
    meta_params: Mapping[str, tf.Tensor],
    meta_tokens: tf.Tensor,
    memory: tf.Tensor,
    *,
    projection: np.ndarray,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Writes the meta-tokens into their memory, then reads it.

    Args:
        meta_params: entries `memory/query`, `memory/key`, `memory/value` `[width, width]` and
            `memory/log_tau` `[]`; with several heads `memory/log_tau` is `[num_heads]`, and
            `memory/output` is `[num_heads * width, width]`.
        meta_tokens: xi, `[num_chunks, width]`.
        memory: `[num_chunks, num_heads * num_features, width + 1]`, one head after the other.
        projection: `[num_features / 2, width]`.

    Returns:
        xi', `[num_chunks, width]`, and the memory after.
    """
    names = ("memory/query", "memory/key", "memory/value")
    queries, keys, values = query_key_value(
        meta_params, meta_tokens, names=names, projection=projection
    )
    tau = tf.exp(meta_params["memory/log_tau"])
    if not tau.shape.rank:
        memory = write(memory, keys=keys, values=values, tau=tau)
        return meta_tokens + read(memory, queries), memory
    num_heads, num_features = tau.shape[0], keys.shape[1]
    rows = tf.repeat(tau, num_features)[:, tf.newaxis]
    memory = write(memory, keys=tf.tile(keys, [1, num_heads]), values=values, tau=rows)
    heads = tf.split(memory, num_heads, axis=1)
    answers = tf.concat([read(head, queries) for head in heads], axis=1)
    return meta_tokens + tf.matmul(answers, meta_params["memory/output"]), memory
