"""Positive random features of the softmax kernel, used by the Performers and by the memory.

    phi(z) = r^-1/2 exp(-|z|^2 / 2) [exp(w_i . z), exp(-w_i . z)], i <= r/2, w_i ~ N(0, I)

are the hyperbolic-cosine features: E[phi(q) . phi(k)] = exp(q . k), with relative standard
deviation at most sqrt((e^S - 2 + e^-S) / r), S = |q + k|^2; orthogonal w_i lower it further.

Source: Choromanski et al. 2021 (Performer, FAVOR+); Jain et al. 2023, appendix A.1.
Differs: queries and keys are scaled to length 0.7, so that S <= 2 and the
estimate is not noise.
"""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

RADIUS = 0.7
NORM_EPSILON = 1e-6


def orthogonal_projection(seed: int, *, num_features: int, width: int) -> np.ndarray:
    """Draws the directions w_i: Gaussian rows, orthogonal within blocks of `width`.

    Args:
        seed: the same seed gives the same rows everywhere (RandomState's stream is frozen).
        num_features: r, even.
        width: length of queries and keys.

    Returns:
        float32 `[num_features / 2, width]`.
    """
    random = np.random.RandomState(seed)
    rows: list[np.ndarray] = []
    while len(rows) < num_features // 2:
        block: list[np.ndarray] = []
        for gaussian in random.standard_normal((width, width)):
            # Gram-Schmidt by hand: library QR differs in signs between platforms.
            for row in block:
                gaussian = gaussian - (gaussian @ row) * row
            block.append(gaussian / np.linalg.norm(gaussian))
        # Orthogonal directions get the lengths that independent Gaussian rows would have.
        lengths = np.linalg.norm(random.standard_normal((width, width)), axis=1)
        rows.extend(row * length for row, length in zip(block, lengths, strict=True))
    return np.stack(rows[: num_features // 2]).astype(np.float32)


def rms_norm(vectors: tf.Tensor) -> tf.Tensor:
    """Divides vectors by the root mean square of their last axis; zero stays zero."""
    width = vectors.shape[-1]
    # A product with ones sums and broadcasts at once; see `sums`.
    square = tf.matmul(tf.square(vectors), tf.fill([width, width], 1.0 / width))
    return vectors * tf.math.rsqrt(square + NORM_EPSILON)


def signed_projection(projection: np.ndarray) -> np.ndarray:
    """[w_i, -w_i], `[num_features, width]`, from `[num_features / 2, width]`."""
    return np.concatenate([projection, -projection])


def hyperbolic_features(dots: tf.Tensor, squared_length: tf.Tensor) -> tf.Tensor:
    """The positive features phi(z) of vectors z.

    Args:
        dots: products of z with the rows of `signed_projection`, `[..., num_features]`.
        squared_length: |z|^2, broadcast against `dots`.

    Returns:
        phi(z), `[..., num_features]`, less the factor r^-1/2, which cancels in `ratio`.
    """
    return tf.exp(dots - 0.5 * squared_length)


def query_key_value(
    meta_params: Mapping[str, tf.Tensor],
    tokens: tf.Tensor,
    *,
    names: tuple[str, str, str],
    projection: np.ndarray,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """phi(q), phi(k) and [v, 1] of tokens; q and k are scaled to length 0.7 (zero stays zero).

    The 1 after each value carries the denominator of attention along with its numerator. All
    linear maps are one product, because every operation costs compile time: the products w_i . q
    are (projection W_Q) token, and the scaling comes after.

    Args:
        meta_params: holds the three maps, each `[width, width]`.
        tokens: `[..., width]`.
        names: entries of the query, key and value map.
        projection: `[num_features / 2, width]`.

    Returns:
        phi(q) and phi(k) `[..., num_features]`, [v, 1] `[..., width + 1]`.
    """
    width = projection.shape[1]
    signed = signed_projection(projection)
    num_features = len(signed)
    query_map, key_map, value_map = (tf.convert_to_tensor(meta_params[name]) for name in names)
    maps = [query_map, key_map]
    maps += [tf.matmul(each, signed, transpose_b=True) for each in maps]
    joined = tf.matmul(tokens, tf.concat([*maps, tf.pad(value_map, [[0, 0], [0, 1]])], axis=1))
    vectors, dots, values = tf.split(joined, [2 * width, 2 * num_features, width + 1], axis=-1)
    # Sums the squares of q into the columns of its features, those of k into theirs.
    blocks = np.kron(np.eye(2), np.ones([width, num_features])).astype(np.float32)
    squares = tf.matmul(tf.square(vectors), blocks)
    scale = RADIUS * tf.math.rsqrt(squares + NORM_EPSILON)
    features = hyperbolic_features(dots * scale, squares * tf.square(scale))
    one = np.eye(width + 1, dtype=np.float32)[-1]
    return features[..., :num_features], features[..., num_features:], values + one


def ratio(totals: tf.Tensor) -> tf.Tensor:
    """Divides the numerator of attention by the denominator after it.

    Args:
        totals: `[..., width + 1]`, from values as `query_key_value` gives them.

    Returns:
        `[..., width]`.
    """
    return totals[..., :-1] / totals[..., -1:]
