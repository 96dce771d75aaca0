"""Positive random features of the softmax kernel, used by the Performers and by the memory.

    phi(z) = r^-1/2 exp(-|z|^2 / 2) [exp(w_i . z), exp(-w_i . z)], i <= r/2, w_i ~ N(0, I)

are the hyperbolic-cosine features: E[phi(q) . phi(k)] = exp(q . k), with relative standard
deviation at most sqrt((e^S - 2 + e^-S) / r), S = |q + k|^2; orthogonal w_i lower it further.

Source: Choromanski et al. 2021 (Performer, FAVOR+); Jain et al. 2023, appendix A.1.
Differs: queries and keys are kept within radius 0.7, so that S <= 2 and the estimate is not noise.
"""

import numpy as np
import tensorflow as tf

RADIUS = 0.7
VARIANCE_EPSILON = 1e-6


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


def bounded(vectors: tf.Tensor) -> tf.Tensor:
    """Layer-normalises vectors and scales them to length at most 0.7; zero stays zero.

    Args:
        vectors: `[..., width]`.

    Returns:
        `[..., width]`.
    """
    return layer_norm(vectors) * (RADIUS / float(vectors.shape[-1]) ** 0.5)


def layer_norm(vectors: tf.Tensor) -> tf.Tensor:
    """Subtracts the mean and divides by the standard deviation of the last axis; no parameters."""
    centred = vectors - tf.reduce_mean(vectors, axis=-1, keepdims=True)
    variance = tf.reduce_mean(tf.square(centred), axis=-1, keepdims=True)
    return centred * tf.math.rsqrt(variance + VARIANCE_EPSILON)


def hyperbolic_features(vectors: tf.Tensor, projection: tf.Tensor) -> tf.Tensor:
    """Maps queries or keys to phi, every entry positive.

    Args:
        vectors: `[..., width]`, length at most 0.7.
        projection: `[num_features / 2, width]` from `orthogonal_projection`.

    Returns:
        `[..., num_features]`.
    """
    dots = tf.einsum("...d,rd->...r", vectors, projection)
    scale = tf.exp(-0.5 * tf.reduce_sum(tf.square(vectors), axis=-1, keepdims=True))
    positive = tf.concat([tf.exp(dots), tf.exp(-dots)], axis=-1)
    return positive * scale * (1.0 / float(positive.shape[-1]) ** 0.5)
