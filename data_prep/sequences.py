"""Pairs of segments to the features of finished records, a block of sequences at a time."""

from __future__ import annotations

import dataclasses

import numpy as np

from data_prep.masking import MaskingRules, mask_block
from data_prep.random_words import RandomWords
from data_prep.sentence_pairs import SegmentPairs


@dataclasses.dataclass(frozen=True)
class SequenceBuilder:
    """Builds the features of `features.py` for one vocabulary and one set of rules.

    Attributes:
        max_seq_length: tokens of a record.
        pad_id, cls_id, sep_id: special token ids.
        is_continuation: bool [vocab], True for pieces that continue a word.
        rules: how to mask.
        is_single: records hold one segment, [CLS] A [SEP], in which [SEP] may stand between
            documents; segment B is empty then.
        is_masked: mask here; otherwise records hold the text and where its words begin.
    """

    max_seq_length: int
    pad_id: int
    cls_id: int
    sep_id: int
    is_continuation: np.ndarray
    rules: MaskingRules
    is_single: bool = False
    is_masked: bool = True

    def build(
        self, ids: np.ndarray, pairs: SegmentPairs, words: RandomWords
    ) -> dict[str, np.ndarray]:
        """Lays the pairs out as [CLS] A [SEP] B [SEP] [PAD]... and masks them, if it is to.

        Args:
            ids: [num_tokens], the flat array the pairs are places in.
            pairs: [batch] pairs that fit into `max_seq_length`.
            words: source of the masking choices.

        Returns:
            The features by name, [batch, length] each, in small unsigned types (float32 for the
            weights).
        """
        a_length = (pairs.a_end - pairs.a_begin)[:, None]
        length = a_length + (pairs.b_end - pairs.b_begin)[:, None] + (2 if self.is_single else 3)
        column = np.arange(self.max_seq_length, dtype=np.int32)
        is_second = column > (a_length + 1).astype(np.int32)
        is_real = column < length.astype(np.int32)
        unmasked = self._lay_out(ids, pairs)
        is_text = is_real.copy()
        for place in (np.zeros_like(length), a_length + 1, length - 1):
            np.put_along_axis(is_text, place, False, axis=1)
        if self.is_single:
            is_text &= unmasked != self.sep_id
        is_special = is_real & ~is_text
        shared = {
            "input_mask": is_real.view(np.uint8),
            "segment_ids": (is_second & is_real).view(np.uint8),
            "next_sentence_labels": pairs.is_random_next[:, None].astype(np.uint8),
        }
        if not self.is_masked:
            word_starts = (self._begins_word(unmasked, is_special) & is_text).astype(np.uint8)
            return {"input_ids": unmasked, "word_starts": word_starts, **shared}
        masked = mask_block(
            unmasked,
            lengths=length[:, 0],
            is_maskable=is_text,
            begins_word=self._begins_word(unmasked, is_special),
            rules=self.rules,
            words=words,
        )
        predictions = np.arange(self.rules.max_predictions_per_seq)
        return {
            "input_ids": masked.input_ids,
            "masked_lm_positions": masked.masked_lm_positions,
            "masked_lm_ids": masked.masked_lm_ids,
            "masked_lm_weights": (predictions < masked.num_predictions[:, None]).astype(np.float32),
            **shared,
        }

    def _lay_out(self, ids: np.ndarray, pairs: SegmentPairs) -> np.ndarray:
        """Returns [batch, max_seq_length]; joining slices takes less time than one large index."""
        text = memoryview(ids)
        cls, sep = (np.array([token], ids.dtype).tobytes() for token in (self.cls_id, self.sep_id))
        paddings = [
            np.full(self.max_seq_length - used, self.pad_id, ids.dtype).tobytes()
            for used in range(self.max_seq_length + 1)
        ]
        a_begin, a_end, b_begin, b_end = (
            each.tolist() for each in (pairs.a_begin, pairs.a_end, pairs.b_begin, pairs.b_end)
        )
        # Bytes, not views: of so many views the garbage collector would keep account.
        parts: list[bytes] = []
        for begin, middle, other, end in zip(a_begin, a_end, b_begin, b_end, strict=True):
            parts += (cls, text[begin:middle].tobytes(), sep)
            used = middle - begin + 2
            if not self.is_single:
                parts += (text[other:end].tobytes(), sep)
                used += end - other + 1
            parts.append(paddings[used])
        return np.frombuffer(b"".join(parts), ids.dtype).reshape(-1, self.max_seq_length)

    def _begins_word(self, ids: np.ndarray, is_special: np.ndarray) -> np.ndarray:
        if self.is_masked and not self.rules.do_whole_word_mask:
            return np.ones(ids.shape, bool)
        begins = ~self.is_continuation[ids]
        begins[:, 1:] |= is_special[:, :-1]
        return begins
