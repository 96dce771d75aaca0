"""BERT's forward pass in NumPy, one matrix at a time: the reference for the Keras model.

Written from Devlin et al. 2019 and Vaswani et al. 2017, not from the Keras code. Weights come
as a dict from the variable's path below the model to its array.
"""

import numpy as np


def layer_norm(inputs, weights, name):
    mean = inputs.mean(-1, keepdims=True)
    variance = ((inputs - mean) ** 2).mean(-1, keepdims=True)
    normalised = (inputs - mean) / np.sqrt(variance + 1e-12)
    return normalised * weights[f"{name}/gamma"] + weights[f"{name}/beta"]


def dense(inputs, weights, name):
    return inputs @ weights[f"{name}/kernel"] + weights[f"{name}/bias"]


def gelu(inputs):
    return 0.5 * inputs * (1 + np.tanh(np.sqrt(2 / np.pi) * (inputs + 0.044715 * inputs**3)))


def softmax(scores):
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def attention(hidden, mask, weights, name, num_heads):
    seq_len, width = hidden.shape
    head_dim = width // num_heads
    query, key, value = (
        dense(hidden, weights, f"{name}/{part}") for part in ("query", "key", "value")
    )
    context = np.zeros_like(hidden)
    for head in range(num_heads):
        own = slice(head * head_dim, (head + 1) * head_dim)
        scores = query[:, own] @ key[:, own].T / np.sqrt(head_dim)
        scores[:, mask == 0] = -np.inf
        context[:, own] = softmax(scores) @ value[:, own]
    return dense(context, weights, f"{name}/output")


def encode(input_ids, mask, segment_ids, weights, config):
    """One sequence `[seq_len]` to `[seq_len, hidden]`."""
    hidden = (
        weights["encoder/embeddings/word_embeddings"][input_ids]
        + weights["encoder/embeddings/position_embeddings"][: len(input_ids)]
        + weights["encoder/embeddings/segment_embeddings"][segment_ids]
    )
    hidden = layer_norm(hidden, weights, "encoder/embeddings/layer_norm")
    for i in range(config.num_layers):
        hidden = block(hidden, mask, weights, f"encoder/layer_{i}", config.num_heads)
    return hidden


def block(hidden, mask, weights, name, num_heads):
    attended = attention(hidden, mask, weights, f"{name}/attention", num_heads)
    hidden = layer_norm(hidden + attended, weights, f"{name}/attention_layer_norm")
    transformed = dense(
        gelu(dense(hidden, weights, f"{name}/intermediate")), weights, f"{name}/output"
    )
    return layer_norm(hidden + transformed, weights, f"{name}/output_layer_norm")


def masked_lm_logits(hidden, positions, weights):
    head = "masked_lm_head"
    transformed = layer_norm(
        gelu(dense(hidden[positions], weights, f"{head}/transform")), weights, f"{head}/layer_norm"
    )
    table = weights["encoder/embeddings/word_embeddings"]
    return transformed @ table.T + weights[f"{head}/output_bias"]


def next_sentence_logits(hidden, weights):
    pooled = np.tanh(dense(hidden[0], weights, "encoder/pooler"))
    return dense(pooled, weights, "next_sentence_head")
