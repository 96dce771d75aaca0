"""Word counts to a WordPiece vocabulary.

The learner begins with single characters and joins the most frequent neighbours, again and again.
A character is worth an entry before a joined piece is: a word with a character that is missing
becomes [UNK] as a whole, whereas a word whose piece is missing only takes one token more. The
result depends on the counts alone, not on their order, the platform or a hash seed. The trainer of
Hugging Face tokenizers gives other ids from run to run; the learner of tensorflow-text needs
minutes where this one needs seconds.

Source: Sennrich et al. 2016, section 3.2 (pair merging), with the pieces and word limits of
WordPiece; `limit_alphabet` is named as in the WordPiece trainer of Hugging Face tokenizers.
Differs: that trainer keeps 1,000 characters unless it is given another number; here every
    character that fits gets an entry, by frequency, as far as it is worth more than a joined piece
    (measured in docs/data_preparation.md, "Vocabulary").
"""

from __future__ import annotations

import collections
import dataclasses
import heapq
from collections.abc import Mapping, Sequence

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
MAX_WORD_CHARACTERS = 200  # BERT's tokenizer gives up on longer words
_CONTINUATION = "##"
_MIN_PAIR_COUNT = 2
# Characters are sure of this part of the entries. Beyond it, one word lost to [UNK] weighs as much
# as a hundred words that take one token more: so a huge corpus, which has every character a few
# times, still gives whole words.
_SURE_FRACTION = 1 / 4
_WORTH_OF_A_CHARACTER = 100

_Pair = tuple[str, str]


def learn_vocabulary(
    word_counts: Mapping[str, int], vocab_size: int, *, limit_alphabet: int | None = None
) -> list[str]:
    """Returns a WordPiece vocabulary of at most `vocab_size` entries.

    Args:
        word_counts: normalised word (see `basic_tokenizer.split_words`) -> occurrences.
        vocab_size: the number of entries wanted, the five special tokens included.
        limit_alphabet: the most characters to keep, by frequency; None for all that fit.

    Returns:
        `[PAD] [UNK] [CLS] [SEP] [MASK]`, then single characters, sorted, then joined pieces in the
        order in which they were learned. A character has an entry for the beginning of a word
        ("a"), for its inside ("##a") or for both, as it occurs. Shorter than `vocab_size` when the
        corpus has no pair left that occurs twice.

    Raises:
        ValueError: there are no words, or `vocab_size` leaves no room for a character.
    """
    if not word_counts:
        raise ValueError(
            "Expected words to learn a vocabulary from, received none. Check that the corpus holds "
            "text."
        )
    if vocab_size <= len(SPECIAL_TOKENS):
        raise ValueError(
            f"Expected --vocab_size of at least {len(SPECIAL_TOKENS) + 1} (5 special tokens and a "
            f"character), received {vocab_size}. Ask for more entries."
        )
    words = _spelled_words(word_counts, limit_alphabet)
    characters = _ranked_characters(words)
    merges = _PairMerges(words)
    room = vocab_size - len(SPECIAL_TOKENS)
    alphabet: list[str] = []
    pieces: dict[str, None] = {}  # in order; two different pairs can spell the same piece
    while len(alphabet) + len(pieces) < room:
        piece, count = characters[len(alphabet)] if len(alphabet) < len(characters) else ("", 0)
        is_sure = len(alphabet) < _SURE_FRACTION * room
        if piece and (is_sure or _WORTH_OF_A_CHARACTER * count >= merges.best_count()):
            alphabet.append(piece)
        elif piece := merges.join_most_frequent():
            pieces[piece] = None
        else:
            break
    return [*SPECIAL_TOKENS, *sorted(alphabet), *pieces]


@dataclasses.dataclass(frozen=True)
class LeftOut:
    """What a vocabulary cannot spell of the corpus it was learned from.

    Attributes:
        characters: the number of distinct characters that lack an entry they need.
        unknown_words: occurrences of words that become [UNK].
        words: occurrences of all words.
    """

    characters: int
    unknown_words: int
    words: int


def left_out(word_counts: Mapping[str, int], vocabulary: Sequence[str]) -> LeftOut:
    """Counts the words that WordPiece cannot spell: those with a character that has no entry.

    Args:
        word_counts: normalised word -> occurrences.
        vocabulary: entries, as `learn_vocabulary` returns them.
    """
    known = set(vocabulary)
    missing: set[str] = set()
    unknown = 0
    for word, count in word_counts.items():
        lacking = [piece for piece in _spelling(word) if piece not in known]
        missing.update(piece.removeprefix(_CONTINUATION) or piece for piece in lacking)
        if (lacking or len(word) > MAX_WORD_CHARACTERS) and word not in known:
            unknown += count
    return LeftOut(len(missing), unknown, sum(word_counts.values()))


def _spelling(word: str) -> list[str]:
    return [word[0], *(_CONTINUATION + character for character in word[1:])] if word else []


def _spelled_words(
    word_counts: Mapping[str, int], limit_alphabet: int | None
) -> list[tuple[list[str], int]]:
    """Returns (pieces of one character, count) of the words that the alphabet can spell."""
    frequency: collections.Counter[str] = collections.Counter()
    for word, count in word_counts.items():
        for character in word:
            frequency[character] += count
    ranked = sorted(frequency, key=lambda character: (-frequency[character], character))
    alphabet = set(ranked[:limit_alphabet])
    return [
        (_spelling(word), count)
        for word, count in sorted(word_counts.items())
        if 0 < len(word) <= MAX_WORD_CHARACTERS and alphabet.issuperset(word)
    ]


def _ranked_characters(words: list[tuple[list[str], int]]) -> list[tuple[str, int]]:
    """Returns (piece of one character, count), the most frequent first; ties in code order."""
    counts: collections.Counter[str] = collections.Counter()
    for spelling, count in words:
        for piece in spelling:
            counts[piece] += count
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


class _PairMerges:
    """Neighbouring pieces of all words, with their counts.

    The heap gets a pair again whenever its count changes; entries whose count is out of date are
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

    def best_count(self) -> int:
        """Returns the count of the most frequent pair; 0 if none is left."""
        while self._heap and self._pair_counts.get(self._heap[0][1]) != -self._heap[0][0]:
            heapq.heappop(self._heap)
        return -self._heap[0][0] if self._heap else 0

    def join_most_frequent(self) -> str | None:
        """Joins the most frequent pair everywhere; returns the new piece, None if none is left."""
        if self.best_count() < _MIN_PAIR_COUNT:
            return None
        _, pair = heapq.heappop(self._heap)
        piece = pair[0] + pair[1].removeprefix(_CONTINUATION)
        changed: set[_Pair] = set()
        for word in self._words_of_pair.pop(pair):
            self._join_in_word(word, pair, piece, changed)
        self._pair_counts.pop(pair, None)
        for other in changed:
            if count := self._pair_counts.get(other):
                heapq.heappush(self._heap, (-count, other))
        return piece

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
