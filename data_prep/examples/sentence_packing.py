"""Documents to single segments for masked LM alone: full sentences packed up to the length limit.

Sentences follow each other as in the text, over the ends of documents, where a [SEP] stands. A
sequence ends before the sentence that no longer fits; a sentence longer than a record is cut.

Source: Liu et al. 2019 (RoBERTa), section 4.2, FULL-SENTENCES.
Differs: neighbouring documents are neighbours by hash, not by file; each copy of the text begins
    with a sequence of random length, so that copies are cut elsewhere; `short_seq_prob` of
    the sequences aim at a random shorter length, as in BERT.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Sequence

import numpy as np

from data_prep.examples.segment_pairs import SegmentPairs
from data_prep.examples.token_blocks import TokenBlock

SPECIAL_TOKENS_PER_PACK = 2  # [CLS] and [SEP]
_SHORTEST_TARGET = 2


def with_separators(block: TokenBlock, sep_id: int) -> tuple[np.ndarray, list[int]]:
    """Puts a [SEP] behind every document.

    Returns:
        The token ids, and where each sentence ends in them; a document's last sentence ends with
        its [SEP].
    """
    counts = block.sentence_counts[block.sentence_counts > 0]
    last_sentences = np.cumsum(counts) - 1
    ends = np.cumsum(block.sentence_lengths)
    ids = np.insert(block.ids, ends[last_sentences], sep_id)
    separators_before = np.zeros(len(ends), np.int64)
    separators_before[last_sentences] = 1
    return ids, (ends + np.cumsum(separators_before)).tolist()


def pack_sentences(
    sentence_ends: Sequence[int],
    *,
    is_separator: np.ndarray,
    max_tokens: int,
    short_seq_prob: float,
    dupe_factor: int,
    rng: random.Random,
) -> SegmentPairs:
    """Returns the packs as pairs whose second segment is empty.

    Args:
        sentence_ends: end of every sentence in the flat token array; increasing.
        is_separator: bool [num_tokens], where a [SEP] ends a document.
        max_tokens: of one pack.
        short_seq_prob: fraction of the packs, in [0, 1], that aim at a random shorter length.
        dupe_factor: how often the text is packed.
        rng: every choice comes from its `random()`.
    """
    rows: list[tuple[int, int]] = []
    offsets = [0, *sentence_ends]
    for _ in range(dupe_factor):
        begin = 0
        is_short = True  # the first pack, so that copies differ
        while begin < offsets[-1]:
            if is_separator[begin]:  # of a last sentence that filled its record to the brim
                begin += 1
                continue
            target = max_tokens
            if is_short or rng.random() < short_seq_prob:
                spread = max_tokens - _SHORTEST_TARGET + 1
                target = _SHORTEST_TARGET + int(rng.random() * spread)
            is_short = False
            end = offsets[bisect_right(offsets, begin + target) - 1]
            if end <= begin:  # not one sentence fits: at least one, cut if it must be
                end = min(offsets[bisect_right(offsets, begin)], begin + max_tokens)
            # The record adds a [SEP] at its end, so one that is there already is left out.
            text_end = end - 1 if is_separator[end - 1] else end
            if text_end > begin:
                rows.append((begin, text_end))
            begin = end
    table = np.array(rows, np.int64).reshape(-1, 2)
    begins, ends = np.ascontiguousarray(table[:, 0]), np.ascontiguousarray(table[:, 1])
    return SegmentPairs(begins, ends, ends, ends, np.zeros(len(ends), np.int64))
