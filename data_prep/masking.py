"""Masked-LM positions and replacements for a block of sequences at once.

Of the tokens of a sequence, 15 % (`masked_lm_prob`) are to be predicted: 80 % of these become
[MASK], 10 % stay, 10 % become any entry of the vocabulary. With whole words, all pieces of a word
are predicted or none, each replaced on its own.

Source: Devlin et al. 2019, section 3.1, task 1; google-research/bert, create_pretraining_data.py,
`create_masked_lm_predictions`.
Differs: a piece that opens a segment (cut by truncation) begins a word of its own; the original
    adds it to the last word of the segment before.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from data_prep.ngrams import choose_ngrams
from data_prep.random_words import RandomWords

_MASK_BELOW = int(0.8 * 2**32)
_KEEP_BELOW = int(0.9 * 2**32)
_NOT_CHOSEN = np.uint32(0xFFFFFFFF)


@dataclasses.dataclass(frozen=True)
class MaskingRules:
    """How to mask.

    Attributes:
        masked_lm_prob: share of the tokens (special ones counted) to predict, in [0, 1].
        max_predictions_per_seq: most predictions in one sequence.
        do_whole_word_mask: predict all pieces of a word or none.
        mask_id: id of [MASK].
        vocab_size: replacement ids are drawn from [0, vocab_size).
        max_ngram: up to so many words next to each other are predicted as one; above 1 only with
            whole words.
    """

    masked_lm_prob: float
    max_predictions_per_seq: int
    do_whole_word_mask: bool
    mask_id: int
    vocab_size: int
    max_ngram: int = 1


@dataclasses.dataclass(frozen=True)
class MaskedBlock:
    """Masked sequences.

    Attributes:
        input_ids: [batch, seq_len], after replacement.
        masked_lm_positions: uint16 [batch, num_predictions], increasing, then 0.
        masked_lm_ids: [batch, num_predictions], the tokens that stood there, then 0.
        num_predictions: int64 [batch], how many of them are real.
    """

    input_ids: np.ndarray
    masked_lm_positions: np.ndarray
    masked_lm_ids: np.ndarray
    num_predictions: np.ndarray


def mask_block(
    input_ids: np.ndarray,
    *,
    lengths: np.ndarray,
    is_maskable: np.ndarray,
    begins_word: np.ndarray,
    rules: MaskingRules,
    words: RandomWords,
) -> MaskedBlock:
    """Chooses and replaces tokens.

    Args:
        input_ids: [batch, seq_len]; left as it is.
        lengths: int64 [batch], tokens of each sequence, special ones counted.
        is_maskable: bool [batch, seq_len], False at [CLS], [SEP] and padding.
        begins_word: bool [batch, seq_len], True where a word begins; only read for whole words.
        rules: see there.
        words: source of all choices.
    """
    wanted = np.rint(lengths * rules.masked_lm_prob).astype(np.int64)
    wanted = np.clip(wanted, 1, rules.max_predictions_per_seq)
    wanted = np.minimum(wanted, np.count_nonzero(is_maskable, axis=1))
    keys, place_bits = _shuffled_places(
        begins_word & is_maskable if rules.do_whole_word_mask else is_maskable, words
    )
    if rules.do_whole_word_mask:
        chosen = np.zeros(keys.shape, bool)
        if rules.max_ngram > 1:
            chosen = choose_ngrams(
                is_maskable, begins_word, wanted=wanted, max_ngram=rules.max_ngram, words=words
            )
        positions = _choose_words(
            keys, place_bits, is_maskable, begins_word, wanted=wanted, chosen=chosen, rules=rules
        )
    else:
        positions = _choose_tokens(keys, place_bits, wanted, rules.max_predictions_per_seq)
    return _replace(input_ids, positions, rules, words)


def _shuffled_places(candidates: np.ndarray, words: RandomWords) -> tuple[np.ndarray, int]:
    """Returns uint32 keys: random high bits, the place in the low ones; sorting them shuffles."""
    rows, length = candidates.shape
    place_bits = max(1, (length - 1).bit_length())
    low = np.uint32((1 << place_bits) - 1)
    keys = words.uint32(rows * length).reshape(rows, length)
    keys &= ~low
    keys |= np.arange(length, dtype=np.uint32)
    np.copyto(keys, _NOT_CHOSEN, where=~candidates)
    return keys, place_bits


def _choose_tokens(
    keys: np.ndarray, place_bits: int, wanted: np.ndarray, max_predictions: int
) -> np.ndarray:
    """Returns the places of the `wanted` smallest keys, sorted, then _NOT_CHOSEN."""
    count = min(max_predictions, keys.shape[1])
    if count < keys.shape[1]:
        keys = np.partition(keys, count - 1, axis=1)[:, :count]
    keys = np.sort(keys, axis=1)
    places = keys & np.uint32((1 << place_bits) - 1)
    places = np.where(np.arange(count) < wanted[:, None], places, _NOT_CHOSEN)
    return _padded(np.sort(places, axis=1), max_predictions)


def _choose_words(
    keys: np.ndarray,
    place_bits: int,
    is_maskable: np.ndarray,
    begins_word: np.ndarray,
    *,
    wanted: np.ndarray,
    chosen: np.ndarray,
    rules: MaskingRules,
) -> np.ndarray:
    """Takes whole words in random order, passing over those that no longer fit.

    `chosen` holds the first pieces of words that are taken already, bool [batch, seq_len].
    """
    rows, length = keys.shape
    keys = np.sort(keys, axis=1)
    starts = (keys & np.uint32((1 << place_bits) - 1)).astype(np.int64)
    starts = np.minimum(starts, length - 1)  # those that are no candidates point beyond the end
    size_at = _word_sizes(is_maskable, begins_word)
    room = wanted - np.where(chosen, size_at, 0).sum(axis=1)
    sizes = np.take_along_axis(size_at, starts, axis=1)
    # Neither what is no candidate nor what is taken ever fits.
    sizes[(keys == _NOT_CHOSEN) | np.take_along_axis(chosen, starts, axis=1)] = length + 1
    every_row = np.arange(rows)
    for turn in range(length):
        fits = sizes[:, turn] <= room
        room -= np.where(fits, sizes[:, turn], 0)
        chosen[every_row[fits], starts[fits, turn]] = True
        if not room.any() or (keys[:, turn] == _NOT_CHOSEN).all():
            break
    # A chosen start brings the pieces behind it: spread it over its word.
    word = np.cumsum(begins_word & is_maskable, axis=1)
    spread = np.take_along_axis(_by_word(chosen, word), word, axis=1) & is_maskable
    places = np.where(spread, np.arange(length, dtype=np.uint32), _NOT_CHOSEN)
    return _padded(
        np.sort(places, axis=1)[:, : rules.max_predictions_per_seq], rules.max_predictions_per_seq
    )


def _word_sizes(is_maskable: np.ndarray, begins_word: np.ndarray) -> np.ndarray:
    """Returns int64 [batch, seq_len]: at the first piece of each word, how many pieces it has."""
    rows, length = is_maskable.shape
    word = np.cumsum(begins_word & is_maskable, axis=1)
    flat = (word + np.arange(rows)[:, None] * (length + 1))[is_maskable]
    sizes = np.bincount(flat, minlength=rows * (length + 1)).reshape(rows, length + 1)
    return np.take_along_axis(sizes, word, axis=1)


def _by_word(chosen: np.ndarray, word: np.ndarray) -> np.ndarray:
    """Returns bool [batch, seq_len + 1]: whether the n-th word of a row was chosen."""
    rows, length = chosen.shape
    by_word = np.zeros((rows, length + 1), bool)
    row, place = np.nonzero(chosen)
    by_word[row, word[row, place]] = True
    return by_word


def _padded(places: np.ndarray, width: int) -> np.ndarray:
    missing = width - places.shape[1]
    return np.pad(places, ((0, 0), (0, missing)), constant_values=_NOT_CHOSEN)


def _replace(
    input_ids: np.ndarray, positions: np.ndarray, rules: MaskingRules, words: RandomWords
) -> MaskedBlock:
    is_real = positions != _NOT_CHOSEN
    positions = np.where(is_real, positions, 0)
    # Places in the flat array: one index is much faster than two.
    places = positions + np.arange(len(input_ids))[:, None] * input_ids.shape[1]
    original = input_ids.take(places)
    draw = words.uint32(positions.size).reshape(positions.shape)
    other = words.below(rules.vocab_size, positions.size).reshape(positions.shape)
    replacement = np.where(
        draw < _MASK_BELOW, rules.mask_id, np.where(draw < _KEEP_BELOW, original, other)
    )
    replaced = input_ids.copy()
    replaced.put(places[is_real], replacement[is_real])
    return MaskedBlock(
        input_ids=replaced,
        masked_lm_positions=positions.astype(np.uint16),
        masked_lm_ids=np.where(is_real, original, 0).astype(input_ids.dtype),
        num_predictions=np.count_nonzero(is_real, axis=1),
    )
