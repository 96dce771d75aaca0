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

import dataclasses
from collections.abc import Sequence

import numpy as np

from data_prep.examples.rng import RandomWords
from data_prep.jit import compiled

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
        sentence_ends: int64 [num_sentences], end of every sentence in the flat token array;
            increasing, because a sentence holds at least one token.
        document_ends: int64 [num_documents], end of every document, counted in sentences; no
            document is empty.
        text_ids: equal for documents of equal text, which must be neighbours.
        max_seq_length: tokens of a record, special ones included.
        short_seq_prob: share of documents, in [0, 1], that are cut into shorter pairs.
        words: source of every choice.
        sentence_order: label swapped segments instead of random ones.

    Attributes:
        without_partner: pairs that should have had a random second segment, but no other text was
            there to take it from; with sentence order, chunks of one sentence.
    """

    def __init__(
        self,
        *,
        sentence_ends: np.ndarray,
        document_ends: np.ndarray,
        text_ids: Sequence[bytes],
        max_seq_length: int,
        short_seq_prob: float,
        words: RandomWords,
        sentence_order: bool = False,
    ):
        self._places = _with_zero(sentence_ends)  # sentence i is tokens places[i] to places[i + 1]
        self._documents = _with_zero(document_ends)
        self._twins = _equal_texts(text_ids)
        self._max_tokens = max_seq_length - SPECIAL_TOKENS_PER_PAIR
        self._short_seq_prob = short_seq_prob
        self._words = words
        self._sentence_order = sentence_order
        self.without_partner = 0

    def pairs_of_all(self, dupe_factor: int) -> SegmentPairs:
        """Returns the pairs of all documents, `dupe_factor` times over, each time anew."""
        num_sentences, num_documents = len(self._places) - 1, len(self._documents) - 1
        copies = [np.zeros((0, 5), np.int64)]
        for _ in range(dupe_factor):
            rows, without_partner = _pairs_of_copy(
                self._places,
                self._documents,
                self._twins,
                self._target_lengths(num_documents),
                self._words.uniform(4 * num_sentences).reshape(num_sentences, 4),
                self._sentence_order,
            )
            copies.append(rows)
            self.without_partner += without_partner
        table = np.concatenate(copies)
        return SegmentPairs(*(np.ascontiguousarray(column) for column in table.T))

    def _target_lengths(self, num_documents: int) -> np.ndarray:
        """Returns int64 [num_documents], the tokens that pairs of each document aim at."""
        is_short = self._words.uniform(num_documents) < self._short_seq_prob
        spread = self._max_tokens - _SHORTEST_TARGET + 1
        short = _SHORTEST_TARGET + (self._words.uniform(num_documents) * spread).astype(np.int64)
        return np.where(is_short, short, self._max_tokens)


@compiled
def _pairs_of_copy(
    places: np.ndarray,
    documents: np.ndarray,
    twins: np.ndarray,
    target_lengths: np.ndarray,
    uniform: np.ndarray,
    is_sentence_order: bool,
) -> tuple[np.ndarray, int]:
    """Returns pairs, int64 [num_pairs, 5], and how many had no partner.

    `uniform`, float64 [num_sentences, 4] in [0, 1), holds the choices of the chunk that begins at
    a sentence: where A ends, whether B is random, its document, its first sentence.
    """
    rows = np.empty((len(uniform), 5), np.int64)
    num_pairs = without_partner = 0
    num_documents = len(target_lengths)
    for document in range(num_documents):
        sentence, end = documents[document], documents[document + 1]
        twins_begin, twins_end = twins[document]
        num_others = num_documents - (twins_end - twins_begin)
        target = target_lengths[document]
        while sentence < end:
            split, is_random, in_documents, in_document = uniform[sentence]
            begin = places[sentence]
            chunk_end = _sentences_of(places, sentence, end, target)
            a_sentences = 1 + int(split * (chunk_end - sentence - 1))
            middle = places[sentence + a_sentences]
            is_single = chunk_end == sentence + 1
            wants_random = not is_sentence_order and (is_single or is_random < 0.5)
            if wants_random and num_others > 0:
                other = int(in_documents * num_others)
                if other >= twins_begin:
                    other += twins_end - twins_begin
                first, last = documents[other], documents[other + 1]
                first += int(in_document * (last - first))
                stop = _sentences_of(places, first, last, target - (middle - begin))
                rows[num_pairs] = (begin, middle, places[first], places[stop], 1)
                num_pairs += 1
                sentence += a_sentences  # the sentences that were not used come up again
                continue
            without_partner += wants_random or is_single
            if not is_single:
                if is_sentence_order and is_random < 0.5:
                    rows[num_pairs] = (middle, places[chunk_end], begin, middle, 1)
                else:
                    rows[num_pairs] = (begin, middle, middle, places[chunk_end], 0)
                num_pairs += 1
            sentence = chunk_end
    return rows[:num_pairs].copy(), without_partner


@compiled
def _sentences_of(places: np.ndarray, first: int, end: int, num_tokens: int) -> int:
    """Returns where sentences from `first` on, at least one, hold `num_tokens` or reach `end`."""
    stop = first + 1
    while stop < end and places[stop] - places[first] < num_tokens:
        stop += 1
    return stop


def _with_zero(ends: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.asarray(ends, np.int64)])


def _equal_texts(text_ids: Sequence[bytes]) -> np.ndarray:
    """Returns int64 [num_documents, 2]: the range of documents with its text, itself included."""
    ranges: list[tuple[int, int]] = []
    begin = 0
    for place in range(1, len(text_ids) + 1):
        if place == len(text_ids) or text_ids[place] != text_ids[begin]:
            ranges += [(begin, place)] * (place - begin)
            begin = place
    return np.array(ranges, np.int64).reshape(-1, 2)


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
