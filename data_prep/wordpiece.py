"""The WordPiece tokenizer: the ids of google-research/bert at the speed of tensorflow-text.

tensorflow-text tokenizes more than 1,000 lines a call some 30 times faster than the original
Python, but normalises text its own way, so beyond ASCII its ids are others. Hence two paths:
printable ASCII goes to `FastBertTokenizer`; words with any other character are normalised by the
original rules (`basic_tokenizer`) and only cut into pieces by tensorflow-text.

`learn_vocabulary` is offered here too: others import one module for vocabulary and tokenizer.

Source: google-research/bert, tokenization.py, `FullTokenizer`; Song et al. 2021 (fast WordPiece).
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from data_prep import storage
from data_prep.basic_tokenizer import split_words
from data_prep.vocabulary_learner import SPECIAL_TOKENS, learn_vocabulary

__all__ = ["SPECIAL_TOKENS", "WordpieceTokenizer", "learn_vocabulary", "load_vocabulary"]

_PRINTABLE_ASCII = bytes(range(0x20, 0x7F)) + b"\t\r"
_SPECIAL_BYTE = re.compile(rb"[^ -~]")
_SPACES_ONLY = bytes.maketrans(b"\t\r\n", b"   ")
# BERT gives up on words of more than 200 characters; no character has more than 4 bytes.
_MAX_WORD_CHARACTERS = 200
_MAX_BYTES_PER_CHARACTER = 4
_TF_TEXT_WORD_BYTES = 100  # the default of BertTokenizer
_MAX_CACHED_BYTES = 256
_LINES_PER_CALL = 4_096


def load_vocabulary(vocab_file: str) -> list[str]:
    """Reads a vocabulary, one entry a line; the line number is the id.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is empty, not UTF-8, has duplicates, blank lines, or lacks a special token.
    """
    if not storage.exists(vocab_file):
        raise FileNotFoundError(
            f"{vocab_file}: expected a vocabulary file, but there is none. Make one with "
            "`mnemosyne vocab --input GLOB --output FILE --vocab_size N`."
        )
    try:
        text = storage.read_whole(vocab_file).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{vocab_file}: expected UTF-8 text, received {error}.") from error
    vocab = [line.rstrip("\r") for line in text.removesuffix("\n").split("\n")]
    _check_vocabulary(vocab_file, vocab)
    return vocab


def _check_vocabulary(vocab_file: str, vocab: Sequence[str]) -> None:
    if not any(vocab):
        raise ValueError(
            f"{vocab_file}: expected one vocabulary entry a line, received an empty file. Make one "
            "with `mnemosyne vocab`."
        )
    if "" in vocab:
        raise ValueError(
            f"{vocab_file}: expected an entry on every line, received a blank line "
            f"{vocab.index('') + 1}. Remove it (this shifts the ids behind it)."
        )
    line_of: dict[str, int] = {}
    for number, entry in enumerate(vocab, start=1):
        if entry in line_of:
            raise ValueError(
                f"{vocab_file}: expected every entry once, received {entry!r} on lines "
                f"{line_of[entry]} and {number}. Rename one of them, say to [unused{number}]."
            )
        line_of[entry] = number
    if missing := [token for token in SPECIAL_TOKENS if token not in line_of]:
        raise ValueError(
            f"{vocab_file}: expected the special tokens {' '.join(SPECIAL_TOKENS)}, but "
            f"{' '.join(missing)} is missing. Use a BERT vocabulary or make one: `mnemosyne vocab`."
        )


class WordpieceTokenizer:
    """Tokenizes lines in batches.

    Args:
        vocab_file: one entry a line.
        do_lower_case: lower-case and strip accents.
        ids: "bert" gives the ids of google-research/bert; "tf_text" those of tensorflow-text's
            BertTokenizer, for models that are served with it.

    Attributes:
        vocab: entries, the place in the list is the id.
        pad_id, unk_id, cls_id, sep_id, mask_id: ids of the special tokens.
        is_continuation: bool [vocab], True for entries that continue a word (`##...`).

    Raises:
        FileNotFoundError, ValueError: see `load_vocabulary`.
    """

    def __init__(self, vocab_file: str, *, do_lower_case: bool = True, ids: str = "bert"):
        self._is_tf_text = ids == "tf_text"
        self.vocab_file = os.fspath(vocab_file)
        self.do_lower_case = do_lower_case
        self.vocab = load_vocabulary(self.vocab_file)
        self.pad_id, self.unk_id, self.cls_id, self.sep_id, self.mask_id = (
            self.vocab.index(token) for token in SPECIAL_TOKENS
        )
        self.is_continuation = np.array([entry.startswith("##") for entry in self.vocab])
        self._line_tokenizer, self._word_tokenizer = self._build()

    def _build(self) -> tuple[Any, Any]:
        import tensorflow as tf
        import tensorflow_text as tf_text

        shared = {"vocab": self.vocab, "token_out_type": tf.int32, "unknown_token": "[UNK]"}
        lines = tf_text.FastBertTokenizer(
            **shared,
            max_bytes_per_word=_TF_TEXT_WORD_BYTES if self._is_tf_text else _MAX_WORD_CHARACTERS,
            lower_case_nfd_strip_accents=self.do_lower_case,
        )
        words = tf_text.FastWordpieceTokenizer(
            **shared,
            max_bytes_per_word=_MAX_WORD_CHARACTERS * _MAX_BYTES_PER_CHARACTER,
            no_pretokenization=True,
        )
        return lines, words

    def tokenize(self, lines: Sequence[str | bytes]) -> tuple[np.ndarray, np.ndarray]:
        """Tokenizes lines; fastest with 1,024 lines or more.

        Args:
            lines: text, str or UTF-8 bytes. Bytes that are not UTF-8 are dropped, as BERT's reader
                does.

        Returns:
            int32 [total], the ids of all lines one after the other (no special tokens are added),
            and int32 [num_lines], how many belong to each line.
        """
        encoded = [
            line.encode("utf-8", "ignore") if isinstance(line, str) else line for line in lines
        ]
        parts = [
            self._tokenize_batch(encoded[begin : begin + _LINES_PER_CALL])
            for begin in range(0, len(encoded), _LINES_PER_CALL)
        ]
        if not parts:
            return np.zeros(0, np.int32), np.zeros(0, np.int32)
        ids, lengths = zip(*parts, strict=True)
        return np.concatenate(ids), np.concatenate(lengths)

    def _tokenize_batch(self, lines: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
        if self._is_tf_text or not b"".join(lines).translate(None, _PRINTABLE_ASCII):
            return self._tokenize_text(lines)
        stretches = _Stretches(self.do_lower_case)
        for line in lines:
            stretches.add(line)
        ids, lengths = _interleave(
            np.array(stretches.is_text, bool),
            self._tokenize_text(stretches.texts),
            self._tokenize_words(stretches.words),
        )
        ends = np.concatenate([[0], np.cumsum(lengths)])[stretches.ends]
        return ids, np.diff(ends, prepend=0).astype(np.int32)

    def _tokenize_text(self, texts: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
        """Tokenizes stretches of printable ASCII."""
        return _flat(self._line_tokenizer, texts)

    def _tokenize_words(self, words: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """Cuts single normalised words into pieces."""
        # An over-long word is one [UNK]; so is this stand-in, which no vocabulary spells.
        return _flat(
            self._word_tokenizer,
            [word if len(word) <= _MAX_WORD_CHARACTERS else "\0" for word in words],
        )


class _Stretches:
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
        line = line.translate(_SPACES_ONLY)
        begin = 0
        while special := _SPECIAL_BYTE.search(line, begin):
            # All of BERT's rules stay within white space, so one word can be taken out of its line.
            word_begin = line.rfind(b" ", begin, special.start()) + 1 or begin
            word_end = line.find(b" ", special.start())
            word_end = len(line) if word_end < 0 else word_end
            self._add_text(line[begin:word_begin])
            self._add_word(line[word_begin:word_end])
            begin = word_end
        self._add_text(line[begin:])
        self.ends.append(len(self.is_text))

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


def _flat(tokenizer: Any, strings: list[Any]) -> tuple[np.ndarray, np.ndarray]:
    if not strings:
        return np.zeros(0, np.int32), np.zeros(0, np.int32)
    ragged = tokenizer.tokenize(strings)
    return ragged.flat_values.numpy(), ragged.row_lengths().numpy().astype(np.int32)


def _interleave(
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
