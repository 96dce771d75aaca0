"""A small BERT encoder as a pure function of its weights, for runs that are one XLA program.

The equations are those of `models.TransformerBlock`, which keeps its weights in Keras variables and
so cannot be trained many times side by side.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

Weights = Mapping[str, tf.Tensor]

INITIAL_DEVIATION = 0.02
LAYER_NORM_EPSILON = 1e-12
PADDING_BIAS = -1e9  # on the scores of what must not be attended to


def normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Initial values as BERT draws them (untruncated), float32."""
    return (INITIAL_DEVIATION * rng.standard_normal(shape)).astype(np.float32)


def dense_weights(
    rng: np.random.Generator, name: str, inputs: int, outputs: int
) -> dict[str, np.ndarray]:
    """Initial kernel and bias of one dense layer."""
    return {
        f"{name}/kernel": normal(rng, inputs, outputs),
        f"{name}/bias": np.zeros(outputs, np.float32),
    }


def norm_weights(name: str, width: int) -> dict[str, np.ndarray]:
    """Initial scale and shift of one layer norm."""
    return {
        f"{name}/gamma": np.ones(width, np.float32),
        f"{name}/beta": np.zeros(width, np.float32),
    }


def encoder_weights(rng: np.random.Generator, width: int, num_layers: int) -> dict[str, np.ndarray]:
    """Initial weights of `encode`."""
    weights = {}
    for layer in (f"layer_{i}" for i in range(num_layers)):
        for name in ("query", "key", "value", "attention_output"):
            weights |= dense_weights(rng, f"{layer}/{name}", width, width)
        weights |= norm_weights(f"{layer}/attention_layer_norm", width)
        weights |= dense_weights(rng, f"{layer}/intermediate", width, 4 * width)
        weights |= dense_weights(rng, f"{layer}/output", 4 * width, width)
        weights |= norm_weights(f"{layer}/output_layer_norm", width)
    return weights


def dense(weights: Weights, name: str, inputs: tf.Tensor) -> tf.Tensor:
    """One dense layer without activation, on the last axis."""
    kernel, bias = weights[f"{name}/kernel"], weights[f"{name}/bias"]
    flat = tf.matmul(tf.reshape(inputs, [-1, inputs.shape[-1]]), kernel) + bias
    return tf.reshape(flat, [*inputs.shape[:-1], bias.shape[0]])


def layer_norm(weights: Weights, name: str, inputs: tf.Tensor) -> tf.Tensor:
    """Layer norm over the last axis."""
    centred = inputs - tf.reduce_mean(inputs, -1, keepdims=True)
    variance = tf.reduce_mean(tf.square(centred), -1, keepdims=True)
    scaled = centred * tf.math.rsqrt(variance + LAYER_NORM_EPSILON)
    return scaled * weights[f"{name}/gamma"] + weights[f"{name}/beta"]


def gelu(inputs: tf.Tensor) -> tf.Tensor:
    """The tanh approximation, as in `models`."""
    inner = 0.7978845608028654 * inputs * (1.0 + 0.044715 * inputs * inputs)
    return 0.5 * inputs * (1.0 + tf.tanh(inner))


def encode(
    weights: Weights,
    hidden: tf.Tensor,
    *,
    num_layers: int,
    num_heads: int,
    token_mask: tf.Tensor | None = None,
) -> tf.Tensor:
    """Applies all blocks; every position attends to every other that is no padding.

    Args:
        weights: of `encoder_weights`.
        hidden: float32 `[batch, seq_len, width]`, static.
        num_layers: blocks.
        num_heads: heads of each, a divisor of width.
        token_mask: `[batch, seq_len]`, 0 for padding; None where there is none.
    """
    bias = 0.0
    if token_mask is not None:
        bias = PADDING_BIAS * (1.0 - tf.cast(token_mask, tf.float32))[:, tf.newaxis, tf.newaxis]
    for layer in (f"layer_{i}" for i in range(num_layers)):
        attended = dense(
            weights, f"{layer}/attention_output", _attend(weights, layer, hidden, num_heads, bias)
        )
        hidden = layer_norm(weights, f"{layer}/attention_layer_norm", hidden + attended)
        inner = gelu(dense(weights, f"{layer}/intermediate", hidden))
        hidden = layer_norm(
            weights, f"{layer}/output_layer_norm", hidden + dense(weights, f"{layer}/output", inner)
        )
    return hidden


def _attend(weights: Weights, layer: str, hidden: tf.Tensor, num_heads: int, bias) -> tf.Tensor:
    """Attention; `bias` is added to its scores, `[batch, 1, 1, seq_len]` or a number."""
    batch, seq_len, width = hidden.shape
    query, key, value = (
        tf.reshape(
            dense(weights, f"{layer}/{name}", hidden),
            [batch, seq_len, num_heads, width // num_heads],
        )
        for name in ("query", "key", "value")
    )
    scores = tf.einsum("bqhd,bkhd->bhqk", query, key) * (width // num_heads) ** -0.5
    context = tf.einsum("bhqk,bkhd->bqhd", tf.nn.softmax(scores + bias), value)
    return tf.reshape(context, [batch, seq_len, width])
