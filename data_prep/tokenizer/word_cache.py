"""Words that were seen before, with their ids: most of a text is few words many times.

A word here is what BERT's rules can be applied to by itself: a run of ASCII letters and digits, an
ASCII punctuation mark, or, where any other character is involved, all between two white spaces.
Compiled loops cut the text into words and look each of them up by its bytes; a tokenizer is asked
only for those that are new, once.

The cache is a hash table with open addressing. When it is full it is emptied, which keeps it small
and simple: the common words are back after a few lines.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from data_prep.jit import compiled

MAX_WORDS = 1 << 19
_BYTES_PER_WORD = 16
_LONGEST = 256  # bytes; longer words come up once, they are not kept
_LETTER, _SPACE, _MARK, _SPECIAL = range(4)
_HASH, _FIRST, _SIZE, _NUMBER = range(4)  # columns of the table
_FNV_PRIME = 1_099_511_628_211

TokenizeWords = Callable[[list[bytes]], tuple[np.ndarray, np.ndarray]]


def _kinds() -> np.ndarray:
    """What a byte is to `cut_into_words`, uint8 [256]."""
    kinds = np.full(256, _SPECIAL, np.uint8)
    kinds[0x21:0x7F] = _MARK
    for first, last in ("09", "AZ", "az"):
        kinds[ord(first) : ord(last) + 1] = _LETTER
    kinds[list(b" \t\r\n")] = _SPACE
    return kinds


_KINDS = _kinds()


class WordMemory:
    """Tokenizes lines word by word.

    Args:
        tokenize_words: gives the ids of words, int32 [total], and how many belong to each.
        max_words: how many it keeps.
    """

    def __init__(self, tokenize_words: TokenizeWords, max_words: int = MAX_WORDS):
        self._tokenize_words = tokenize_words
        self._max_words = max_words
        # Hash, offset in `_letters`, size and number of a word, or -1; a row is contiguous.
        self._table = np.empty((1 << (2 * max_words - 1).bit_length(), 4), np.int64)
        self._letters = np.empty(max_words * _BYTES_PER_WORD + _LONGEST, np.uint8)
        self._lock = threading.Lock()  # one tokenizer serves all threads of a worker
        self._forget()

    def _forget(self) -> None:
        self._table[:, _NUMBER] = -1
        self._num_words = self._num_letters = 0
        self._ids = np.empty(0, np.int32)
        self._id_ends = np.zeros(1, np.int64)  # of the ids of each word, after a first 0

    def tokenize(self, lines: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
        """Returns the ids of all lines, int32 [total], and how many each line has, int32."""
        content = b"".join(line + b" " for line in lines)
        text = np.frombuffer(content, np.uint8)
        line_ends = np.cumsum([len(line) + 1 for line in lines], dtype=np.int64)
        bounds = np.empty((2, len(text)), np.int64)
        words_of_lines = np.empty(len(lines), np.int64)
        count = cut_into_words(text, line_ends, _KINDS, bounds, words_of_lines)
        begins, ends = bounds[:, :count]
        with self._lock:
            parts = list(self._parts(content, text, begins, ends))
        ids, lengths = (np.concatenate(each) for each in zip(*parts, strict=True))
        ids_before = np.concatenate([[0], np.cumsum(lengths)])[
            np.concatenate([[0], np.cumsum(words_of_lines)])
        ]
        return ids, np.diff(ids_before).astype(np.int32)

    def _parts(self, content, text, begins, ends):
        """Yields ids and their number for each word, as many words at a time as there is room."""
        done = 0
        while True:
            numbers = np.empty(len(begins) - done, np.int32)
            new = np.empty(min(len(numbers), self._max_words - self._num_words), np.int64)
            found, num_words, self._num_letters = look_up(
                text,
                begins[done:],
                ends[done:],
                numbers,
                new,
                self._table,
                self._letters,
                self._num_words,
                self._num_letters,
            )
            new = done + new[: num_words - self._num_words]
            self._num_words = num_words
            self._learn([content[b:e] for b, e in zip(begins[new], ends[new], strict=True)])
            yield gather(numbers[:found], self._ids, self._id_ends)
            done += found
            if done == len(begins):
                return
            self._forget()

    def _learn(self, words: list[bytes]) -> None:
        if words:
            ids, lengths = self._tokenize_words(words)
            self._ids = np.concatenate([self._ids, ids])
            ends = self._id_ends[-1] + np.cumsum(lengths, dtype=np.int64)
            self._id_ends = np.concatenate([self._id_ends, ends])


@compiled
def cut_into_words(text, line_ends, kinds, bounds, words_of_lines):
    """Finds the words of lines.

    Args:
        text: uint8 [size]; every line ends with a white space.
        line_ends: int64 [num_lines].
        kinds: uint8 [256].
        bounds: int64 [2, size], gets begin and end of each word.
        words_of_lines: int64 [num_lines], gets their number.

    Returns:
        How many words there are.
    """
    count = place = 0
    for line in range(len(line_ends)):
        before = count
        while place < line_ends[line]:
            if kinds[text[place]] == _SPACE:
                place += 1
                continue
            end, is_special = place, False
            while kinds[text[end]] != _SPACE:
                is_special |= kinds[text[end]] == _SPECIAL
                end += 1
            while place < end:
                bounds[0, count] = place
                if is_special:
                    place = end
                elif kinds[text[place]] == _MARK:
                    place += 1
                else:
                    while kinds[text[place]] == _LETTER:
                        place += 1
                bounds[1, count] = place
                count += 1
        words_of_lines[line] = count - before
    return count


@compiled
def look_up(text, begins, ends, numbers, new, table, letters, num_words, num_letters):
    """Finds words in the table and adds those that are not there, until it is full.

    Args:
        text: uint8 [size].
        begins, ends: int64 [num_words], of the words in `text`.
        numbers: int32 [num_words], gets the number of each.
        new: int64 [room], gets the words that were added, by their index in `begins`.
        table: int64 [num_slots, 4], see `WordMemory`.
        letters: uint8, the bytes of its words.
        num_words, num_letters: how many it holds.

    Returns:
        How many words were found or added, and the two numbers after.
    """
    mask, before = len(table) - 1, num_words
    for word in range(len(begins)):
        begin, size = begins[word], ends[word] - begins[word]
        hashed = size
        for place in range(begin, begin + size):
            hashed = (hashed ^ text[place]) * _FNV_PRIME
        hashed ^= hashed >> 32
        slot, number = hashed & mask, -1
        while size <= _LONGEST and table[slot, _NUMBER] >= 0:
            if table[slot, _HASH] == hashed and table[slot, _SIZE] == size:
                first, same = table[slot, _FIRST], 0
                while same < size and letters[first + same] == text[begin + same]:
                    same += 1
                if same == size:
                    number = table[slot, _NUMBER]
                    break
            slot = (slot + 1) & mask
        if number < 0:
            if num_words - before == len(new) or num_letters + _LONGEST > len(letters):
                return word, num_words, num_letters
            number = num_words
            new[num_words - before] = word
            num_words += 1
            if size <= _LONGEST:
                table[slot] = hashed, num_letters, size, number
                letters[num_letters : num_letters + size] = text[begin : begin + size]
                num_letters += size
        numbers[word] = number
    return len(begins), num_words, num_letters


@compiled
def gather(numbers, ids, id_ends):
    """Returns the ids of words one after the other, int32 [total], and how many each has, int64."""
    lengths = np.empty(len(numbers), np.int64)
    total = 0
    for word in range(len(numbers)):
        lengths[word] = id_ends[numbers[word] + 1] - id_ends[numbers[word]]
        total += lengths[word]
    gathered = np.empty(total, np.int32)
    place = 0
    for word in range(len(numbers)):
        begin = id_ends[numbers[word]]
        for offset in range(lengths[word]):
            gathered[place + offset] = ids[begin + offset]
        place += lengths[word]
    return gathered, lengths
