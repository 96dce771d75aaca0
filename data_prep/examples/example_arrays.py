"""Pairs of segments to the features of finished records, a block of sequences at a time."""

from __future__ import annotations

import dataclasses

import numpy as np

from data_prep.examples.masking import mask_block
from data_prep.examples.rng import RandomStream
from data_prep.examples.segment_pairs import SegmentPairs
from data_prep.jit import compiled
from data_prep.masking_rules import MaskingRules
from data_prep.tokenizer.segmented_words import without_marks


@dataclasses.dataclass(frozen=True)
class SequenceBuilder:
    """Builds the features of `features.py` for one vocabulary and one set of rules.

    Attributes:
        max_seq_length: tokens of a record.
        pad_id: id of [PAD].
        is_continuation: bool [num_ids], True for ids that continue a word. Where it is longer than
            the vocabulary, the ids beyond are marked ones; see `segmented_words`.
        rules: how to mask, with the ids of [CLS] and [SEP].
        is_single: records hold one segment, [CLS] A [SEP], in which [SEP] may stand between
            documents; segment B is empty then.
        is_masked: mask here; otherwise records hold the text and where its words begin.
    """

    max_seq_length: int
    pad_id: int
    is_continuation: np.ndarray
    rules: MaskingRules
    is_single: bool = False
    is_masked: bool = True

    def build(
        self, ids: np.ndarray, pairs: SegmentPairs, rng: RandomStream
    ) -> dict[str, np.ndarray]:
        """Lays the pairs out as [CLS] A [SEP] B [SEP] [PAD]... and masks them, if it is to.

        Args:
            ids: [num_tokens], the flat array that the pairs are offsets into.
            pairs: [batch] pairs that fit into `max_seq_length`.
            rng: of the masking choices.

        Returns:
            The features by name, [batch, length] each, in small unsigned types (float32 for the
            weights).
        """
        special = 2 if self.is_single else 3
        lengths = pairs.a_end - pairs.a_begin + pairs.b_end - pairs.b_begin + special
        shape = (len(pairs), self.max_seq_length)
        unmasked = np.full(shape, self.pad_id, ids.dtype)
        input_mask, segment_ids = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
        is_text = np.zeros(shape, bool)
        _lay_out(
            ids,
            pairs.a_begin,
            pairs.a_end,
            pairs.b_begin,
            pairs.b_end,
            self.rules.cls_id,
            self.rules.sep_id,
            self.is_single,
            unmasked,
            is_text,
            input_mask,
            segment_ids,
        )
        shared = {
            "input_mask": input_mask,
            "segment_ids": segment_ids,
            "next_sentence_labels": pairs.is_random_next[:, None].astype(np.uint8),
        }
        begins_word = self._begins_word(unmasked, is_text)
        unmasked = without_marks(unmasked, self.rules.vocab_size)
        if not self.is_masked:
            return {"input_ids": unmasked, "word_starts": begins_word.view(np.uint8), **shared}
        masked = mask_block(
            unmasked,
            lengths=lengths,
            is_maskable=is_text,
            begins_word=begins_word,
            rules=self.rules,
            rng=rng,
        )
        predictions = np.arange(self.rules.max_predictions_per_seq)
        return {
            "input_ids": masked.input_ids,
            "masked_lm_positions": masked.masked_lm_positions,
            "masked_lm_ids": masked.masked_lm_ids,
            "masked_lm_weights": (predictions < masked.num_predictions[:, None]).astype(np.float32),
            **shared,
        }

    def _begins_word(self, ids: np.ndarray, is_text: np.ndarray) -> np.ndarray:
        """Returns bool [batch, max_seq_length]; a piece behind a special token begins a word."""
        if self.is_masked and not self.rules.do_whole_word_mask:
            return is_text
        begins = ~self.is_continuation[ids]
        begins[:, 1:] |= ~is_text[:, :-1]
        return begins & is_text


@compiled
def _lay_out(
    ids: np.ndarray,
    a_begin: np.ndarray,
    a_end: np.ndarray,
    b_begin: np.ndarray,
    b_end: np.ndarray,
    cls_id: int,
    sep_id: int,
    is_single: bool,
    unmasked: np.ndarray,
    is_text: np.ndarray,
    input_mask: np.ndarray,
    segment_ids: np.ndarray,
) -> None:
    """Writes pairs into the last four arrays, [batch, max_seq_length], which hold padding."""
    for row in range(len(a_begin)):
        a_length = a_end[row] - a_begin[row]
        length = a_length + 2
        unmasked[row, 0] = cls_id
        unmasked[row, 1 : a_length + 1] = ids[a_begin[row] : a_end[row]]
        unmasked[row, a_length + 1] = sep_id
        is_text[row, 1 : a_length + 1] = True
        if is_single:
            for position in range(length):
                is_text[row, position] &= unmasked[row, position] != sep_id
        else:
            end = length + b_end[row] - b_begin[row]
            unmasked[row, length:end] = ids[b_begin[row] : b_end[row]]
            unmasked[row, end] = sep_id
            is_text[row, length:end] = True
            segment_ids[row, length : end + 1] = 1
            length = end + 1
        input_mask[row, :length] = 1
