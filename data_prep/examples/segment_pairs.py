"""Pairs of segments, the text of a record, and how pairs that are too long are shortened.

A pair is four offsets into the flat array of all tokens, because both segments are always runs of
neighbouring sentences; nothing is copied until a record is written.

Source: google-research/bert, create_pretraining_data.py, `truncate_seq_pair`.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from data_prep.examples.rng import RandomStream

SPECIAL_TOKENS_PER_PAIR = 3  # [CLS] and two [SEP]


@dataclasses.dataclass
class SegmentPairs:
    """Pairs as offsets into the flat token array; all int64 [num_pairs].

    Attributes:
        a_begin, a_end, b_begin, b_end: the two segments.
        is_random_next: 1 when B is random (or stood before A), 0 when it follows A.
    """

    a_begin: np.ndarray
    a_end: np.ndarray
    b_begin: np.ndarray
    b_end: np.ndarray
    is_random_next: np.ndarray

    def __len__(self) -> int:
        return len(self.a_begin)

    def take(self, order: np.ndarray) -> SegmentPairs:
        """Returns the pairs at these indices, in this order."""
        return SegmentPairs(
            *(getattr(self, field.name)[order] for field in dataclasses.fields(self))
        )


def truncate_pairs(pairs: SegmentPairs, max_tokens: int, rng: RandomStream) -> SegmentPairs:
    """Shortens pairs of more than `max_tokens` tokens.

    The original removes one token at a time from the longer segment (from B on a tie), at the front
    or the back with even odds. How many each segment loses follows from the lengths alone, and how
    many of those go at the front is a count of coin flips.
    """
    a_length = pairs.a_end - pairs.a_begin
    b_length = pairs.b_end - pairs.b_begin
    excess = np.maximum(a_length + b_length - max_tokens, 0)
    a_only = np.minimum(excess, np.maximum(a_length - b_length, 0))
    b_only = np.minimum(excess, np.maximum(b_length - a_length, 0))
    shared = excess - a_only - b_only  # B and A in turn
    a_loses = a_only + shared // 2
    b_loses = b_only + (shared + 1) // 2
    a_front = rng.heads(a_loses)
    b_front = rng.heads(b_loses)
    return SegmentPairs(
        a_begin=pairs.a_begin + a_front,
        a_end=pairs.a_end - (a_loses - a_front),
        b_begin=pairs.b_begin + b_front,
        b_end=pairs.b_end - (b_loses - b_front),
        is_random_next=pairs.is_random_next,
    )
