"""Patterns stored in the compact associative memory, and how well they are recalled.

A pattern is a random unit vector x. It is stored under the key `length * x` with itself as value,
and queried with `length * x'`, where x' is x with noise, of length one again. A pattern
counts as found when the answer resembles it more than any other that was stored.

The memory is the optimizer's, `mnemosyne_tf.learned.memory` and `random_features`, without its
limit of 0.7 on `length`: q . k up to `length ** 2` is the inverse temperature of the attention. It
is compared with what it approximates: softmax attention over all patterns kept one by one (a modern
Hopfield network, Ramsauer et al. 2021), discounted by age like the memory.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from mnemosyne_tf.learned import memory as compact_associative_memory
from mnemosyne_tf.learned import random_features


@dataclasses.dataclass(frozen=True)
class Setting:
    """Settings that stay the same while patterns are stored.

    Attributes:
        dimension: of the patterns.
        num_features: random features, r.
        length: of keys and queries.
        tau: discount of the memory for each pattern stored after.
        noise: length of the noise on a query; patterns have length 1.
    """

    dimension: int
    num_features: int
    length: float
    tau: float = 0.0
    noise: float = 0.5


class Recall(NamedTuple):
    """Which of the patterns queried were found; arrays are `[seeds, queries]`.

    Attributes:
        ages: `[queries]`, patterns stored after the one queried.
        found: bool, whether the memory's answer is nearest to the right pattern.
        found_exactly: bool, the same of exact attention.
        error: distance of the two answers, in root mean squares of the exact ones.
    """

    ages: np.ndarray
    found: np.ndarray
    found_exactly: np.ndarray
    error: np.ndarray


def recall(
    setting: Setting, counts: Sequence[int], *, seeds: int, max_queries: int
) -> dict[int, Recall]:
    """Stores patterns one after the other; asks for some whenever there are `counts` of them.

    Args:
        setting: sizes and discount.
        counts: numbers of stored patterns, M.
        seeds: patterns, noise and directions are drawn again for each; all run side by side.
        max_queries: the most patterns that are queried, spread evenly over those stored.
    """
    draws = [_draw(setting, max(counts), seed) for seed in range(seeds)]
    patterns, noisy, directions = (np.stack(each) for each in zip(*draws, strict=True))
    keys = features(setting.length * patterns, directions)
    ones = np.ones([*patterns.shape[:2], 1])
    values = tf.constant(np.concatenate([patterns, ones], axis=2), tf.float32)
    memory = tf.zeros([seeds, setting.num_features, setting.dimension + 1])
    results = {}
    for stored in range(1, max(counts) + 1):
        memory = compact_associative_memory.write(
            memory, keys=keys[:, stored - 1], values=values[:, stored - 1], tau=setting.tau
        )
        if stored in counts:
            asked = np.unique(np.linspace(0, stored - 1, min(stored, max_queries)).round())
            asked = asked.astype(int)
            queries = setting.length * noisy[:, asked]
            results[stored] = _judge(
                _ask(memory, features(queries, directions)),
                _attend(queries, setting.length * patterns[:, :stored], patterns, setting.tau),
                patterns[:, :stored],
                asked,
            )
    return results


def features(vectors: np.ndarray, directions: np.ndarray) -> tf.Tensor:
    """Returns phi of vectors of any length.

    Args:
        vectors: `[seeds, count, dimension]`.
        directions: `signed_projection` of each seed, `[seeds, num_features, dimension]`.

    Returns:
        `[seeds, count, num_features]`, less the factor r^-1/2.
    """
    dots = np.einsum("smd,srd->smr", vectors, directions)
    squares = (vectors**2).sum(axis=2, keepdims=True)
    return random_features.hyperbolic_features(
        tf.constant(dots, tf.float32), tf.constant(squares, tf.float32)
    )


def _draw(setting: Setting, count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Patterns and noisy patterns `[count, dimension]`, signed directions."""
    random = np.random.RandomState(seed)
    patterns = _unit(random.standard_normal([count, setting.dimension]))
    noise = _unit(random.standard_normal([count, setting.dimension]))
    # Not `seed` itself: its first numbers are the patterns.
    projection = random_features.orthogonal_projection(
        seed + 2**31, num_features=setting.num_features, width=setting.dimension
    )
    noisy = _unit(patterns + setting.noise * noise)
    return patterns, noisy, random_features.signed_projection(projection)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def _ask(memory: tf.Tensor, queries: tf.Tensor) -> np.ndarray:
    """Answers `[seeds, queries, dimension]`: every query meets a copy of its seed's memory."""
    seeds, count, _ = queries.shape
    answers = compact_associative_memory.read(
        tf.repeat(memory, count, axis=0), tf.reshape(queries, [seeds * count, -1])
    )
    return answers.numpy().reshape(seeds, count, -1)


def _attend(queries: np.ndarray, keys: np.ndarray, values: np.ndarray, tau: float) -> np.ndarray:
    """Exact softmax attention in float64, discounted by age."""
    count = keys.shape[1]
    logits = queries @ keys.transpose(0, 2, 1) - tau * np.arange(count - 1, -1, -1)
    weights = np.exp(logits - logits.max(axis=2, keepdims=True))
    return weights @ values[:, :count] / weights.sum(axis=2, keepdims=True)


def _judge(
    answers: np.ndarray, exact: np.ndarray, patterns: np.ndarray, asked: np.ndarray
) -> Recall:
    nearest, nearest_exactly = (
        (each @ patterns.transpose(0, 2, 1)).argmax(axis=2) for each in (answers, exact)
    )
    scale = np.sqrt((exact**2).sum(axis=2).mean(axis=1, keepdims=True))
    return Recall(
        ages=patterns.shape[1] - 1 - asked,
        found=nearest == asked,
        found_exactly=nearest_exactly == asked,
        error=np.linalg.norm(answers - exact, axis=2) / scale,
    )
