"""The learned part of one variable in NumPy: attention, meta-tokens, memory, network."""

import math

import numpy as np

from mnemosyne_tf.learned.random_features import orthogonal_projection
from mnemosyne_tf.meta_params import MetaParams


def positive_features(vector: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Features of one query or key, scaled to length 0.7 first (equation of `random_features`)."""
    vector = 0.7 * vector / np.sqrt(vector @ vector + 1e-6)
    dots = directions @ vector
    scale = np.exp(-0.5 * vector @ vector) / np.sqrt(2 * len(directions))
    return scale * np.concatenate([np.exp(dots), np.exp(-dots)])


def attention(queries: np.ndarray, keys: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Kernel attention of every query over all keys, from their features."""
    weights = queries @ keys.T
    return (weights / weights.sum(axis=1, keepdims=True)) @ values


def performer(p, tokens: np.ndarray, prefix: str, directions: np.ndarray) -> np.ndarray:
    """One bi-directional Performer block over the tokens, `[num_tokens, width]`."""
    queries = np.array([positive_features(x @ p[f"{prefix}/query"], directions) for x in tokens])
    keys = np.array([positive_features(x @ p[f"{prefix}/key"], directions) for x in tokens])
    attended = attention(queries, keys, tokens @ p[f"{prefix}/value"])
    tokens = tokens + attended @ p[f"{prefix}/output"]
    return tokens + np.tanh(tokens @ p[f"{prefix}/inner"]) @ p[f"{prefix}/outer"]


def encode(p, meta: MetaParams, chunks: list[np.ndarray], progress: list[float]) -> np.ndarray:
    """Meta-tokens of a tensor whose chunks are `[3, length]`: gradient, momentum and weight."""
    structure = meta.structure
    together = np.concatenate(chunks, axis=1)
    gg, mm, _ = (together**2).mean(axis=1)
    unit = together / np.sqrt((together**2).mean(axis=1, keepdims=True) + 1e-16)
    context = np.array(
        [
            0.1 * np.log(gg + 1e-6),
            0.1 * np.log(mm + 1e-6),
            (unit[0] * unit[1]).mean(),
            (unit[1] * unit[2]).mean(),
            *progress,
        ]
    )
    bias = context @ p["level_1/context"] + p["level_1/bias"]
    vectors, start = [], 0
    for chunk in chunks:
        g, m, w = part = unit[:, start : start + chunk.shape[1]]
        start += chunk.shape[1]
        if structure.level_1 == "mean":
            means = np.array([np.mean(x) for x in (g * g, m * m, w * w, g * m, m * w, g * w)])
            compressed = means / np.sqrt(1.0 + np.abs(means))
            vectors.append(np.tanh(compressed @ p["level_1/statistics"] + bias))
        else:
            tokens = np.tanh(np.clip(part, -8.0, 8.0).T @ p["level_1/features"] + bias)
            if structure.level_1 == "performer":
                tokens = performer(p, tokens, "level_1", random_directions(meta, 0))
            vectors.append(tokens.mean(axis=0))
    tokens = np.array(vectors)
    if structure.level_2 == "performer":
        tokens = performer(p, tokens, "level_2", random_directions(meta, 1))
    return tokens / np.sqrt((tokens**2).mean(axis=1, keepdims=True) + 1e-6)


def remember(p, meta: MetaParams, tokens: np.ndarray, memory: np.ndarray) -> np.ndarray:
    """Writes each meta-token into its own memory (changed in place), then reads it."""
    directions, taus = random_directions(meta, 2), np.exp(np.atleast_1d(p["memory/log_tau"]))
    answers = []
    for xi, slot in zip(tokens, memory, strict=True):
        phi_key = positive_features(xi @ p["memory/key"], directions)
        phi_query = positive_features(xi @ p["memory/query"], directions)
        of_heads = []
        for tau, head in zip(taus, np.split(slot, len(taus)), strict=True):
            head *= math.exp(-tau)
            # The code leaves r^-1/2 out of phi, which cancels in the ratio but scales the memory.
            head += math.sqrt(len(phi_key)) * np.outer(phi_key, [*(xi @ p["memory/value"]), 1.0])
            totals = phi_query @ head
            of_heads.append(totals[:-1] / totals[-1])
        output = p.get("memory/output", np.eye(len(xi)))
        answers.append(xi + np.concatenate(of_heads) @ output)
    return np.array(answers)


def network(p, features: np.ndarray, film: np.ndarray) -> np.ndarray:
    """The coordinate-wise network on one chunk, `[3, length]`; `film` is its row of FiLM terms."""
    units = len(p["network/output"])
    hidden = p["network/input"].T @ features + p["network/bias"][:, None]
    hidden = np.tanh((1.0 + film[:units, None]) * hidden + film[units:, None])
    return (p["network/output"] / max(1.0, np.abs(p["network/output"]).sum())) @ hidden


def random_directions(meta: MetaParams, stream: int) -> np.ndarray:
    """The fixed directions of a part: 0 of level 1, 1 of level 2, 2 of the memory."""
    structure = meta.structure
    return orthogonal_projection(
        structure.seed + stream, num_features=structure.num_random_features, width=structure.width
    ).astype(np.float64)
