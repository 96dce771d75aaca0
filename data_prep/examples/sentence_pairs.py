"""Documents to pairs of segments with a next-sentence label, by the rules of BERT.

Every choice is a function of the seed, the document's id and the number of the copy, not of the
other documents: where a document is cut, and which of its pairs are random, is the same in every
block. Only which text a random second segment comes from depends on the block.

Source: google-research/bert, create_pretraining_data.py, `create_instances_from_document`.
Differs: a random second segment is never from the same text (the original tries ten times, then
    takes the document itself). It comes from the same block of documents, a hash-chosen sample of
    the corpus, or from `partner_pool` where the block has few. Where the corpus has no second text,
    no random pair is made.

With `sentence_order`, no segment comes from elsewhere: half of the pairs are swapped instead, and
the label says which (Lan et al. 2020, ALBERT, section 3.1). A chunk of one sentence makes no pair
then; the original takes a random one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from data_prep.examples.rng import philox
from data_prep.examples.segment_pairs import SPECIAL_TOKENS_PER_PAIR, SegmentPairs
from data_prep.jit import compiled

_SHORTEST_TARGET = 2
_32 = np.uint64(32)
_HALF = np.uint64(1 << 31)
# No sentence has this number, so it is free for the choices of a whole document.
_WHOLE_DOCUMENT = np.uint64(0xFFFFFFFF)


class PairMaker:
    """Makes pairs from the documents of one block.

    Args:
        sentence_ends: int64 [num_sentences], end of every sentence in the flat token array;
            increasing, because a sentence holds at least one token.
        document_ends: int64 [num_documents], end of every document, counted in sentences; no
            document is empty.
        text_ids: 16 bytes for each document, equal for documents of equal text, which must be
            neighbours.
        max_seq_length: tokens of a record, special ones included.
        short_seq_prob: fraction of the documents, in [0, 1], that are cut into shorter pairs.
        seed: of every choice, below 2**64.
        sentence_order: label swapped segments instead of random ones.
        num_borrowed: the last so many documents give random second segments, but no pairs of their
            own.

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
        seed: int,
        sentence_order: bool = False,
        num_borrowed: int = 0,
    ):
        # Sentence i is tokens offsets[i] to offsets[i + 1].
        self._offsets = _with_zero(sentence_ends)
        self._documents = _with_zero(document_ends)
        ids = np.frombuffer(b"".join(text_ids), np.dtype("<u8")).reshape(-1, 2)
        self._streams = np.ascontiguousarray(ids[:, 0]).astype(np.uint64, copy=False)
        self._twins = _equal_texts(ids)
        self._max_tokens = max_seq_length - SPECIAL_TOKENS_PER_PAIR
        self._short_seq_prob = short_seq_prob
        self._seed = np.uint64(seed)
        self._sentence_order = sentence_order
        self._num_paired = len(text_ids) - num_borrowed
        self.without_partner = 0

    def pairs_of_all(self, dupe_factor: int) -> SegmentPairs:
        """Returns the pairs of all documents, `dupe_factor` times over, each time anew."""
        copies = [np.zeros((0, 5), np.int64)]
        for copy in range(dupe_factor):
            rows, without_partner = _pairs_of_copy(
                self._offsets,
                self._documents,
                self._twins,
                self._streams,
                self._seed,
                self._copy_numbers(copy, dupe_factor),
                self._max_tokens,
                self._short_seq_prob,
                self._sentence_order,
            )
            copies.append(rows)
            self.without_partner += without_partner
        table = np.concatenate(copies)
        return SegmentPairs(*(np.ascontiguousarray(column) for column in table.T))

    def _copy_numbers(self, copy: int, dupe_factor: int) -> np.ndarray:
        """Returns uint64 [num_paired]: documents of equal text count as further copies."""
        earlier_twins = np.arange(self._num_paired) - self._twins[: self._num_paired, 0]
        return ((earlier_twins * dupe_factor + copy) & 0xFFFFFFFF).astype(np.uint64)


@compiled
def _pairs_of_copy(
    offsets: np.ndarray,
    documents: np.ndarray,
    twins: np.ndarray,
    streams: np.ndarray,
    seed: np.uint64,
    copy_numbers: np.ndarray,
    max_tokens: int,
    short_seq_prob: float,
    is_sentence_order: bool,
) -> tuple[np.ndarray, int]:
    """Returns pairs, int64 [num_pairs, 5], and how many had no partner.

    The chunk that begins at a sentence has four choices: where A ends, whether B is random, its
    document, its first sentence.
    """
    num_paired = len(copy_numbers)
    rows = np.empty((documents[num_paired], 5), np.int64)
    num_pairs = without_partner = 0
    for document in range(num_paired):
        first_sentence, end = documents[document], documents[document + 1]
        twins_begin, twins_end = twins[document]
        num_others = len(twins) - (twins_end - twins_begin)
        stream, copy = streams[document], copy_numbers[document]
        target = _target_length(stream, copy, seed, max_tokens, short_seq_prob)
        sentence = first_sentence
        while sentence < end:
            split, is_random, in_documents, in_document = philox(
                np.uint64(sentence - first_sentence), copy, stream, seed
            )
            begin = offsets[sentence]
            chunk_end = _sentences_of(offsets, sentence, end, target)
            a_sentences = 1 + _below(split, chunk_end - sentence - 1)
            middle = offsets[sentence + a_sentences]
            is_single = chunk_end == sentence + 1
            wants_random = not is_sentence_order and (is_single or is_random < _HALF)
            if wants_random and num_others > 0:
                other = _below(in_documents, num_others)
                if other >= twins_begin:
                    other += twins_end - twins_begin
                first, last = documents[other], documents[other + 1]
                first += _below(in_document, last - first)
                stop = _sentences_of(offsets, first, last, target - (middle - begin))
                rows[num_pairs] = (begin, middle, offsets[first], offsets[stop], 1)
                num_pairs += 1
                sentence += a_sentences  # the sentences that were not used come up again
                continue
            without_partner += wants_random or is_single
            if not is_single:
                if is_sentence_order and is_random < _HALF:
                    rows[num_pairs] = (middle, offsets[chunk_end], begin, middle, 1)
                else:
                    rows[num_pairs] = (begin, middle, middle, offsets[chunk_end], 0)
                num_pairs += 1
            sentence = chunk_end
    return rows[:num_pairs].copy(), without_partner


@compiled
def _target_length(
    stream: np.uint64, copy: np.uint64, seed: np.uint64, max_tokens: int, short_seq_prob: float
) -> int:
    """Returns how many tokens the pairs of a document aim at."""
    is_short, length, _, _ = philox(_WHOLE_DOCUMENT, copy, stream, seed)
    if is_short * 2.0**-32 < short_seq_prob:
        return _SHORTEST_TARGET + _below(length, max_tokens - _SHORTEST_TARGET + 1)
    return max_tokens


@compiled
def _below(random: np.uint64, bound: int) -> int:
    """Returns a number in [0, bound), by multiplication; 0 if the bound is 0.

    Args:
        random: in [0, 2**32).
        bound: below 2**32.
    """
    return np.int64(random * np.uint64(bound) >> _32)


@compiled
def _sentences_of(offsets: np.ndarray, first: int, end: int, num_tokens: int) -> int:
    """Returns where sentences from `first` on, at least one, hold `num_tokens` or reach `end`."""
    stop = first + 1
    while stop < end and offsets[stop] - offsets[first] < num_tokens:
        stop += 1
    return stop


def _with_zero(ends: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.asarray(ends, np.int64)])


def _equal_texts(ids: np.ndarray) -> np.ndarray:
    """Returns int64 [num_documents, 2]: the range of documents with its text, itself included.

    Args:
        ids: uint64 [num_documents, 2].
    """
    if not len(ids):
        return np.zeros((0, 2), np.int64)
    begins = np.flatnonzero(np.concatenate([[True], (ids[1:] != ids[:-1]).any(axis=1)]))
    ends = np.append(begins[1:], len(ids))
    return np.repeat(np.stack([begins, ends], axis=1), ends - begins, axis=0)
