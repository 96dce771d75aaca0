"""Which neighbouring whole words to mask together, for a block of sequences at once.

An n-gram has n words with chance proportional to 1/n, up to `max_ngram`, and begins at any word.
One that would cross a [SEP], overlap another or ask for more tokens than are left is drawn again;
what then is still left is filled with single words by `masking`.

Source: Model Garden, official/nlp/data/create_pretraining_data.py, `_masking_ngrams`.
Differs: n-grams are drawn with replacement and a limited number of times, which needs no lists of
    all n-grams; a draw that does not fit is lost there too.
"""

from __future__ import annotations

import numpy as np

from data_prep.examples.rng import RandomStream

_TURNS_PER_TOKEN = 2


def choose_ngrams(
    is_maskable: np.ndarray,
    begins_word: np.ndarray,
    *,
    wanted: np.ndarray,
    max_ngram: int,
    rng: RandomStream,
) -> np.ndarray:
    """Chooses words, n-gram by n-gram.

    Args:
        is_maskable: bool [batch, seq_len], False at special tokens and padding.
        begins_word: bool [batch, seq_len], True where a word begins.
        wanted: int64 [batch], most tokens to choose.
        max_ngram: most words of an n-gram.
        rng: of all choices.

    Returns:
        bool [batch, seq_len], True at the first piece of every chosen word.
    """
    rows = len(is_maskable)
    starts, ends, counts = _words_of_rows(is_maskable, begins_word)
    taken = np.zeros(starts.shape, bool)
    room = wanted.copy()
    every_row = np.arange(rows)
    limits = _size_limits(max_ngram)
    for _ in range(_TURNS_PER_TOKEN * int(wanted.max(initial=0))):
        size = 1 + np.searchsorted(limits, rng.uint32(rows), side="right")
        first = (rng.uint32(rows).astype(np.int64) * counts) >> 32
        last = np.minimum(first + size, starts.shape[1]) - 1
        span = ends[every_row, last] - starts[every_row, first]
        is_run = (first + size <= counts) & _is_one_run(is_maskable, starts, ends, first, last)
        fits = is_run & (span <= room)
        for step in range(max_ngram):
            word = np.minimum(first + step, last)
            fits &= ~taken[every_row, word]
        for step in range(max_ngram):
            word = np.minimum(first + step, last)
            taken[every_row[fits], word[fits]] = True
        room -= np.where(fits, span, 0)
        if not room.any():
            break
    chosen = np.zeros(is_maskable.shape, bool)
    row, word = np.nonzero(taken)
    chosen[row, starts[row, word]] = True
    return chosen


def _size_limits(max_ngram: int) -> np.ndarray:
    """Returns uint32 [max_ngram - 1]: a draw at or above the i-th has more than i + 1 words."""
    weights = np.cumsum([1 / size for size in range(1, max_ngram + 1)])
    return (weights[:-1] / weights[-1] * 2**32).astype(np.uint32)


def _words_of_rows(
    is_maskable: np.ndarray, begins_word: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns begin and end of the words of every row, int64 [batch, seq_len], and their number."""
    is_start = begins_word & is_maskable
    word = np.cumsum(is_start, axis=1) - 1
    starts = np.zeros(is_maskable.shape, np.int64)
    ends = np.zeros(is_maskable.shape, np.int64)
    row, position = np.nonzero(is_start)
    starts[row, word[row, position]] = position
    row, position = np.nonzero(is_maskable & (word >= 0))
    ends[row, word[row, position]] = position + 1  # the last piece of a word writes last
    return starts, ends, np.count_nonzero(is_start, axis=1)


def _is_one_run(
    is_maskable: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
) -> np.ndarray:
    """Says whether all tokens from the first word to the last are text, bool [batch]."""
    every_row = np.arange(len(starts))
    text_before = np.pad(np.cumsum(is_maskable, axis=1), ((0, 0), (1, 0)))
    begin, end = starts[every_row, first], ends[every_row, last]
    return text_before[every_row, end] - text_before[every_row, begin] == end - begin
