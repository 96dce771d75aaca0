"""Documents to pairs of segments with a next-sentence label, by the rules of BERT.

A pair is four places in the flat array of all tokens, because both segments are always runs of
neighbouring sentences; nothing is copied until a record is written.

Source: google-research/bert, create_pretraining_data.py, `create_instances_from_document`,
`truncate_seq_pair`.
Differs: a random second segment is never from the same text (the original tries ten times, then
    takes the document itself); its partner comes from the same block of documents, a
    hash-chosen sample of the corpus; where a block has no second text, no random pair is made.

With `sentence_order`, no segment comes from elsewhere: half of the pairs are swapped instead, and
the label says which (Lan et al. 2020, ALBERT, section 3.1). A chunk of one sentence makes no pair
then; the original takes a random one.
"""

from __future__ import annotations

import array
import dataclasses
import random
from bisect import bisect_left
from collections.abc import Sequence

import numpy as np

from data_prep.random_words import RandomWords

SPECIAL_TOKENS_PER_PAIR = 3  # [CLS] and two [SEP]
_SHORTEST_TARGET = 2


@dataclasses.dataclass
class SegmentPairs:
    """Pairs as places in the flat token array; all int64 [num_pairs].

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
        """Returns the pairs at these places, in this order."""
        return SegmentPairs(
            *(getattr(self, field.name)[order] for field in dataclasses.fields(self))
        )


class PairMaker:
    """Makes pairs from the documents of one block.

    Args:
        sentence_ends: end of every sentence in the flat token array; increasing, because a sentence
            holds at least one token.
        document_ends: end of every document, counted in sentences; no document is empty.
        text_ids: equal for documents of equal text, which must be neighbours.
        max_seq_length: tokens of a record, special ones included.
        short_seq_prob: share of documents, in [0, 1], that are cut into shorter pairs.
        rng: every choice comes from its `random()`.
        sentence_order: label swapped segments instead of random ones.

    Attributes:
        without_partner: pairs that should have had a random second segment, but no other text was
            there to take it from; with sentence order, chunks of one sentence.
    """

    def __init__(
        self,
        *,
        sentence_ends: Sequence[int],
        document_ends: Sequence[int],
        text_ids: Sequence[bytes],
        max_seq_length: int,
        short_seq_prob: float,
        rng: random.Random,
        sentence_order: bool = False,
    ):
        self._places = [0, *sentence_ends]  # sentence i is tokens places[i] to places[i + 1]
        self._documents = [0, *document_ends]
        self._others = _other_texts(text_ids)
        self._max_tokens = max_seq_length - SPECIAL_TOKENS_PER_PAIR
        self._short_seq_prob = short_seq_prob
        self._random = rng.random
        self._sentence_order = sentence_order
        self.without_partner = 0

    def pairs_of_all(self, dupe_factor: int) -> SegmentPairs:
        """Returns the pairs of all documents, `dupe_factor` times over, each time anew."""
        rows = array.array("q")
        for _ in range(dupe_factor):
            for document in range(len(self._documents) - 1):
                self._add_document(document, rows)
        table = np.frombuffer(rows, np.int64).reshape(-1, 5)
        return SegmentPairs(*(np.ascontiguousarray(column) for column in table.T))

    def _add_document(self, document: int, rows: array.array[int]) -> None:
        places, rand = self._places, self._random
        sentence, end = self._documents[document], self._documents[document + 1]
        target = self._max_tokens
        if rand() < self._short_seq_prob:
            target = _SHORTEST_TARGET + int(rand() * (self._max_tokens - _SHORTEST_TARGET + 1))
        while sentence < end:
            # The chunk: sentences until the target length is reached or the document ends.
            chunk_end = bisect_left(places, places[sentence] + target, sentence + 1, end)
            size = chunk_end - sentence
            a_end = sentence + 1 + (int(rand() * (size - 1)) if size > 1 else 0)
            if self._sentence_order:
                if size > 1:
                    rows.extend(self._ordered_pair(sentence, a_end, chunk_end))
                else:
                    self.without_partner += 1
                sentence = chunk_end
                continue
            if size == 1 or rand() < 0.5:
                b_length = target - (places[a_end] - places[sentence])
                partner = self._random_segment(document, b_length)
                if partner is not None:
                    rows.extend((places[sentence], places[a_end], *partner, 1))
                    sentence = a_end  # the sentences that were not used come up again
                    continue
                self.without_partner += 1
            if size > 1:
                rows.extend((places[sentence], places[a_end], places[a_end], places[chunk_end], 0))
            sentence = chunk_end

    def _ordered_pair(self, begin: int, middle: int, end: int) -> tuple[int, int, int, int, int]:
        first = (self._places[begin], self._places[middle])
        second = (self._places[middle], self._places[end])
        is_swapped = self._random() < 0.5
        return (*second, *first, 1) if is_swapped else (*first, *second, 0)

    def _random_segment(self, document: int, length: int) -> tuple[int, int] | None:
        """Returns the tokens of sentences of another text, `length` or more if it has them."""
        group_begin, group_end = self._others[document]
        num_others = len(self._others) - (group_end - group_begin)
        if num_others == 0:
            return None
        other = int(self._random() * num_others)
        if other >= group_begin:
            other += group_end - group_begin
        begin, end = self._documents[other], self._documents[other + 1]
        begin += int(self._random() * (end - begin))
        stop = bisect_left(self._places, self._places[begin] + length, begin + 1, end)
        return self._places[begin], self._places[stop]


def _other_texts(text_ids: Sequence[bytes]) -> list[tuple[int, int]]:
    """Returns for every document the range of documents with its own text, itself included."""
    ranges: list[tuple[int, int]] = []
    begin = 0
    for place in range(1, len(text_ids) + 1):
        if place == len(text_ids) or text_ids[place] != text_ids[begin]:
            ranges += [(begin, place)] * (place - begin)
            begin = place
    return ranges


def truncate_pairs(pairs: SegmentPairs, max_tokens: int, words: RandomWords) -> SegmentPairs:
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
    a_front = words.heads(a_loses)
    b_front = words.heads(b_loses)
    return SegmentPairs(
        a_begin=pairs.a_begin + a_front,
        a_end=pairs.a_end - (a_loses - a_front),
        b_begin=pairs.b_begin + b_front,
        b_end=pairs.b_end - (b_loses - b_front),
        is_random_next=pairs.is_random_next,
    )
