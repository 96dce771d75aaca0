"""Masked-LM positions and replacements for a block of sequences at once.

Of the tokens of a sequence, 15 % (`masked_lm_prob`) are to be predicted: 80 % of these become
[MASK], 10 % stay, 10 % become any entry of the vocabulary. With whole words, all pieces of a word
are predicted or none, each replaced by a draw of its own.

Source: Devlin et al. 2019, section 3.1, task 1; google-research/bert, create_pretraining_data.py,
`create_masked_lm_predictions`.
Differs: a piece that opens a segment (cut by truncation) begins a word of its own; the original
    adds it to the last word of the segment before. The ideographs of a word of segmented text are
    one word; see `tokenizer.segmented_words`.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from data_prep.examples.ngrams import choose_ngrams
from data_prep.examples.rng import RandomStream
from data_prep.jit import compiled
from data_prep.masking_rules import MaskingRules

_MASK_BELOW = int(0.8 * 2**32)
_KEEP_BELOW = int(0.9 * 2**32)
_32 = np.uint64(32)


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
    rng: RandomStream,
) -> MaskedBlock:
    """Chooses and replaces tokens.

    Args:
        input_ids: [batch, seq_len]; left as it is.
        lengths: int64 [batch], tokens of each sequence, special ones counted.
        is_maskable: bool [batch, seq_len], False at [CLS], [SEP] and padding.
        begins_word: bool [batch, seq_len], True where a word begins; only read for whole words.
        rules: see there.
        rng: of all choices.
    """
    wanted = np.rint(lengths * rules.masked_lm_prob).astype(np.int64)
    wanted = np.clip(wanted, 1, rules.max_predictions_per_seq)
    wanted = np.minimum(wanted, np.count_nonzero(is_maskable, axis=1))
    if not rules.do_whole_word_mask:
        begins_word = is_maskable  # every token is a word of its own
    taken = np.zeros(is_maskable.shape, bool)
    if rules.do_whole_word_mask and rules.max_ngram > 1:
        taken = choose_ngrams(
            is_maskable, begins_word, wanted=wanted, max_ngram=rules.max_ngram, rng=rng
        )
    # Whole words may have to be passed over, single tokens always fit.
    tries = input_ids.shape[1] if rules.do_whole_word_mask else int(wanted.max(initial=0))
    positions = np.zeros((len(input_ids), rules.max_predictions_per_seq), np.uint16)
    num_predictions = _choose_words(
        is_maskable,
        begins_word,
        taken,
        wanted,
        rng.uint32(len(input_ids) * tries).reshape(len(input_ids), tries),
        positions,
    )
    masked = input_ids.copy()
    original = _replace(
        masked,
        positions,
        num_predictions,
        rng.uint32(positions.size).reshape(positions.shape),
        rng.below(rules.vocab_size, positions.size).reshape(positions.shape),
        rules.mask_id,
    )
    return MaskedBlock(masked, positions, original, num_predictions)


@compiled
def _choose_words(
    is_maskable: np.ndarray,
    begins_word: np.ndarray,
    taken: np.ndarray,
    wanted: np.ndarray,
    draws: np.ndarray,
    positions: np.ndarray,
) -> np.ndarray:
    """Takes whole words in random order, passing over those that do not fit.

    Args:
        is_maskable, begins_word, wanted: see `mask_block`.
        taken: bool [batch, seq_len], True at the first piece of words that are taken already;
            becomes True at all pieces of all that are taken.
        draws: uint32 [batch, tries].
        positions: uint16 [batch, num_predictions], zeros; becomes the positions of the taken words.

    Returns:
        int64 [batch], how many positions that are.
    """
    rows, length = begins_word.shape
    num_predictions = np.zeros(rows, np.int64)
    words = np.empty(length + 1, np.int64)  # where those of a row begin, in the order of their turn
    for row in range(rows):
        num_words = 0
        for position in range(length):
            words[num_words] = position
            num_words += begins_word[row, position] and is_maskable[row, position]
        is_chosen = taken[row]
        room = wanted[row]
        for turn in range(num_words):
            if is_chosen[words[turn]]:
                size = _size_of_word(words[turn], is_maskable[row], begins_word[row])
                is_chosen[words[turn] : words[turn] + size] = True
                room -= size
        for turn in range(min(num_words, draws.shape[1])):
            if room == 0:
                break
            # A shuffle of Fisher and Yates, as far as it is needed.
            other = turn + np.int64(
                np.uint64(draws[row, turn]) * np.uint64(num_words - turn) >> _32
            )
            begin = words[other]
            words[other] = words[turn]
            size = _size_of_word(begin, is_maskable[row], begins_word[row])
            if size <= room and not is_chosen[begin]:
                is_chosen[begin : begin + size] = True
                room -= size
        for position in range(length):
            if is_chosen[position]:
                positions[row, num_predictions[row]] = position
                num_predictions[row] += 1
    return num_predictions


@compiled
def _size_of_word(begin: int, is_maskable: np.ndarray, begins_word: np.ndarray) -> int:
    end = begin + 1
    while end < len(is_maskable) and is_maskable[end] and not begins_word[end]:
        end += 1
    return end - begin


@compiled
def _replace(
    masked: np.ndarray,
    positions: np.ndarray,
    num_predictions: np.ndarray,
    kinds: np.ndarray,
    others: np.ndarray,
    mask_id: int,
) -> np.ndarray:
    """Replaces the tokens at the positions and returns what stood there, then 0.

    Args:
        masked: [batch, seq_len]; changed.
        positions: [batch, num_predictions].
        num_predictions: int64 [batch].
        kinds: uint32 [batch, num_predictions], draws that decide what a token becomes.
        others: [batch, num_predictions], what one in ten of the tokens becomes.
        mask_id: id of [MASK].
    """
    original = np.zeros(positions.shape, masked.dtype)
    for row in range(len(positions)):
        for prediction in range(num_predictions[row]):
            position = positions[row, prediction]
            original[row, prediction] = masked[row, position]
            if kinds[row, prediction] < _MASK_BELOW:
                masked[row, position] = mask_id
            elif kinds[row, prediction] >= _KEEP_BELOW:
                masked[row, position] = others[row, prediction]
    return original
