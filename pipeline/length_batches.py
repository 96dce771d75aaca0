"""Batches of examples of like length: padding costs as much as text, most of it can be left out.

A batch is as wide as its longest example. Random batches of 32 sentences of SST-2 are a third text;
sorted within windows of 16 batches first, they are 72 % text. Which examples form a batch is a
function of (seed, epoch) and the lengths alone, so it can be repeated and continued anywhere.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence

import numpy as np

# Sorting a window of more batches leaves out hardly more padding, and makes the batches of two
# epochs more alike; so does a window of a large part of the epoch.
_WINDOW_BATCHES = 16
_WINDOWS_PER_EPOCH = 4
# oneDNN and XLA work on blocks of eight numbers.
_WIDTH_MULTIPLE = 8
# The padded tokens whose training takes as long as one more width. On a CPU with BERT-mini: 2.1 s
# to compile what stands between the matrix products, and 0.22 ms a token (450 ms a step of 32 x
# 64). On an accelerator an estimate: the program of a whole step takes thirty times as long to
# compile, a token a tenth of the time.
WIDTH_COST_ON_CPU, WIDTH_COST_ON_ACCELERATOR = 10_000, 2_000_000


@dataclasses.dataclass(frozen=True)
class Batch:
    """Some examples and the width that holds them.

    Attributes:
      rows: int32 `[batch]`, indices of examples.
      width: tokens per row, at least the length of the longest.
    """

    rows: np.ndarray
    width: int


def training_batches(
    lengths: np.ndarray, *, batch_size: int, num_steps: int, seed: int, width_cost: int
) -> list[Batch]:
    """The batches of a whole training, one a step.

    Args:
      lengths: int `[num_examples]`, tokens of each.
      batch_size: examples of every batch.
      num_steps: of the training.
      seed: decides the order.
      width_cost: padded tokens that one more width must save, see `WIDTH_COST_ON_CPU`.
    """
    batches = itertools.islice(shuffled_batches(lengths, batch_size, seed), num_steps)
    rows = [np.asarray(batch) for batch in batches]
    return _with_widths(lengths, rows, width_cost)


def sorted_batches(lengths: np.ndarray, *, batch_size: int, width_cost: int = 0) -> list[Batch]:
    """All examples once, the longest first, for predictions; the last batch may be smaller.

    The longest first: what does not fit into memory fails at once.
    """
    order = np.argsort(-np.asarray(lengths), kind="stable").astype(np.int32)
    rows = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    return _with_widths(lengths, rows, width_cost)


def shuffled_batches(lengths: np.ndarray, batch_size: int, seed: int) -> Iterator[np.ndarray]:
    """Yields int32 `[batch_size]` indices without end, batches of like length in random order.

    An epoch is a permutation, cut into windows, each sorted by length and cut into batches, which
    are shuffled. Examples at its end that fill no batch begin the next epoch, so none is left out.
    At any weights, the mean gradient of an epoch's batches is that of all its examples.

    Source: windows: Hugging Face transformers, `LengthGroupedSampler`.
    Differs: the batches are shuffled again, where it keeps a window's longest batch first.
    """
    lengths = np.asarray(lengths)
    window = batch_size * window_batches(len(lengths), batch_size)
    rest = np.zeros([0], np.int32)
    for epoch in itertools.count():
        rng = np.random.RandomState([seed, epoch])
        pool = np.concatenate([rest, rng.permutation(len(lengths)).astype(np.int32)])
        num_batches = len(pool) // batch_size
        pool, rest = np.split(pool, [num_batches * batch_size])
        batches = []
        for start in range(0, len(pool), window):
            part = pool[start : start + window]
            part = part[np.argsort(lengths[part], kind="stable")]
            batches += list(part.reshape(-1, batch_size))
        yield from (batches[i] for i in rng.permutation(num_batches))


def window_batches(num_examples: int, batch_size: int) -> int:
    """How many batches are sorted together: 16, or a quarter of a short epoch, at least one."""
    of_epoch = num_examples // batch_size // _WINDOWS_PER_EPOCH
    return max(1, min(_WINDOW_BATCHES, of_epoch))


def chosen_widths(needed: Sequence[int], batch_size: int, width_cost: int) -> list[int]:
    """The widths, ascending, that cost least: padding of all batches, and each width.

    Args:
      needed: the longest example of each batch, in tokens.
      batch_size: rows of a batch.
      width_cost: of one width, in padded tokens.

    Returns:
      Multiples of eight; the largest holds every batch.

    Example: batches of 8, 8 and 60 tokens get the widths 8 and 64, or 64 alone if a width costs
    more than the 112 tokens a row that the first two save.
    """
    rounded = -(-np.asarray(needed) // _WIDTH_MULTIPLE) * _WIDTH_MULTIPLE
    candidates, counts = np.unique(rounded, return_counts=True)
    # best[i]: the least cost of the batches up to candidate i, the last width; before[i]: of those
    # the last but one.
    best, before = [0.0], [0]
    for i in range(1, len(candidates) + 1):
        costs = [
            best[j] + width_cost + batch_size * int(candidates[i - 1]) * int(counts[j:i].sum())
            for j in range(i)
        ]
        before.append(int(np.argmin(costs)))
        best.append(min(costs))
    widths, i = [], len(candidates)
    while i:
        widths.append(int(candidates[i - 1]))
        i = before[i]
    return widths[::-1]


def _with_widths(lengths: np.ndarray, rows: Sequence[np.ndarray], width_cost: int) -> list[Batch]:
    if not rows:
        return []
    needed = [int(np.asarray(lengths)[batch].max()) for batch in rows]
    widths = np.array(chosen_widths(needed, len(rows[0]), width_cost))
    places = np.searchsorted(widths, needed)
    return [Batch(batch, int(widths[place])) for batch, place in zip(rows, places, strict=True)]
