"""A vision transformer's forward pass in NumPy, one image at a time: the reference.

Written from Dosovitskiy et al. 2021 and Touvron et al. 2021, not from the Keras code. Weights come
as a dict from the variable's path below the model to its array.
"""

import math

import numpy as np


def layer_norm(inputs, weights, name, epsilon):
    mean = inputs.mean(-1, keepdims=True)
    variance = ((inputs - mean) ** 2).mean(-1, keepdims=True)
    return (inputs - mean) / np.sqrt(variance + epsilon) * weights[f"{name}/gamma"] + weights[
        f"{name}/beta"
    ]


def dense(inputs, weights, name):
    return inputs @ weights[f"{name}/kernel"] + weights[f"{name}/bias"]


def gelu(inputs):
    return 0.5 * inputs * (1 + np.vectorize(math.erf)(inputs / np.sqrt(2)))


def softmax(scores):
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def attention(hidden, weights, name, num_heads):
    head_dim = hidden.shape[1] // num_heads
    query, key, value = (dense(hidden, weights, f"{name}/{p}") for p in ("query", "key", "value"))
    heads = []
    for head in range(num_heads):
        own = slice(head * head_dim, (head + 1) * head_dim)
        scores = query[:, own] @ key[:, own].T / np.sqrt(head_dim)
        heads.append(softmax(scores) @ value[:, own])
    return dense(np.concatenate(heads, 1), weights, f"{name}/output")


def patches_of(image, side):
    """Every patch of an image, flattened, row by row."""
    height, width, _ = image.shape
    return np.stack(
        [
            image[top : top + side, left : left + side].ravel()
            for top in range(0, height, side)
            for left in range(0, width, side)
        ]
    )


def encode(image, weights, config, positions=None):
    """One image `[height, width, channels]` to `[tokens, hidden]`."""
    below = "encoder/embeddings"
    patches = dense(patches_of(image, config.patch_size), weights, f"{below}/patch_projection")
    hidden = np.concatenate([weights[f"{below}/class_token"][None], patches])
    hidden = hidden + (weights[f"{below}/position_embeddings"] if positions is None else positions)
    for i in range(config.num_layers):
        hidden = block(hidden, weights, f"encoder/layer_{i}", config)
    return layer_norm(hidden, weights, "encoder/layer_norm", config.layer_norm_epsilon)


def block(hidden, weights, name, config):
    epsilon = config.layer_norm_epsilon
    normed = layer_norm(hidden, weights, f"{name}/attention_layer_norm", epsilon)
    attended = attention(normed, weights, f"{name}/attention", config.num_heads)
    hidden = hidden + weights.get(f"{name}/attention_layer_scale/gamma", 1.0) * attended
    normed = layer_norm(hidden, weights, f"{name}/output_layer_norm", epsilon)
    added = dense(gelu(dense(normed, weights, f"{name}/intermediate")), weights, f"{name}/output")
    return hidden + weights.get(f"{name}/output_layer_scale/gamma", 1.0) * added


def logits(image, weights, config):
    """One image to `[classes]`."""
    tokens = encode(image, weights, config)
    pooled = tokens[0]
    if config.pooling == "class_token_and_mean":
        pooled = np.concatenate([tokens[0], tokens[1:].mean(0)])
    return dense(pooled, weights, "head")
