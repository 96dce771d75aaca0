"""Lines cut into what tensorflow-text tokenizes as BERT does, and what needs BERT's own rules.

tensorflow-text tokenizes more than 1,000 lines a call some 30 times faster than the original
Python, but normalises text its own way, so beyond ASCII its ids are others. Hence two paths:
printable ASCII goes to it as it is; single words with any other character are normalised by the
original rules (`basic_tokenizer`), so that nothing but their pieces is left to find. Of English,
the second path takes about one word in a thousand.
"""

from __future__ import annotations

import functools
import re

import numpy as np

from data_prep.basic_tokenizer import split_words

_PRINTABLE_ASCII = bytes(range(0x20, 0x7F)) + b"\t\r"
_SPECIAL_BYTE = re.compile(rb"[^ -~]")
_SPACES_ONLY = bytes.maketrans(b"\t\r\n", b"   ")
_MAX_CACHED_BYTES = 256


def are_printable_ascii(lines: list[bytes]) -> bool:
    """Says whether no line has a word that needs BERT's own rules."""
    return not b"".join(lines).translate(None, _PRINTABLE_ASCII)


class TextStretches:
    """Lines cut into stretches of ASCII text and single words that need BERT's own rules.

    Attributes:
        texts, words: the stretches of either kind.
        is_text: which kind each stretch is, in the order of the text.
        ends: for each line, the number of stretches up to its end.
    """

    def __init__(self, do_lower_case: bool):
        self._do_lower_case = do_lower_case
        self.texts: list[bytes] = []
        self.words: list[str] = []
        self.is_text: list[bool] = []
        self.ends: list[int] = []

    def add(self, line: bytes) -> None:
        """Cuts one more line."""
        if line.translate(None, _PRINTABLE_ASCII):  # one in ten
            line = self._add_up_to_last_special(line.translate(_SPACES_ONLY))
        self._add_text(line)
        self.ends.append(len(self.is_text))

    def _add_up_to_last_special(self, line: bytes) -> bytes:
        """Adds the words with a special byte and the text before them; returns what is left."""
        begin = 0
        while special := _SPECIAL_BYTE.search(line, begin):
            # All of BERT's rules stay within white space, so one word can be taken out of its line.
            word_begin = line.rfind(b" ", begin, special.start()) + 1 or begin
            word_end = line.find(b" ", special.start())
            word_end = len(line) if word_end < 0 else word_end
            self._add_text(line[begin:word_begin])
            self._add_word(line[word_begin:word_end])
            begin = word_end
        return line[begin:]

    def _add_word(self, word: bytes) -> None:
        split = _split_bytes if len(word) <= _MAX_CACHED_BYTES else _split_bytes.__wrapped__
        parts = split(word, self._do_lower_case)
        self.words += parts
        self.is_text += [False] * len(parts)

    def _add_text(self, text: bytes) -> None:
        self.texts.append(text)
        self.is_text.append(True)


@functools.lru_cache(maxsize=1 << 17)
def _split_bytes(word: bytes, do_lower_case: bool) -> list[str]:
    """Splits by BERT's rules; cached, because most of a corpus is few words many times."""
    return split_words(word.decode("utf-8", "ignore"), do_lower_case=do_lower_case)


def interleave(
    is_first: np.ndarray,
    first: tuple[np.ndarray, np.ndarray],
    second: tuple[np.ndarray, np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Puts two kinds of tokenized strings back in their order; `is_first` bool [num_strings]."""
    lengths = np.empty(len(is_first), np.int32)
    lengths[is_first] = first[1]
    lengths[~is_first] = second[1]
    takes_first = np.repeat(is_first, lengths)
    ids = np.empty(len(takes_first), np.int32)
    ids[takes_first] = first[0]
    ids[~takes_first] = second[0]
    return ids, lengths
