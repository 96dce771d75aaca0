"""Text to the WordPiece ids of google-research/bert.

A word that came up before is looked up (`word_cache`); a new one goes through BERT's own rules
(`basic_tokenizer`) and then to tensorflow-text, which finds its pieces but normalises text in its
own way. The functions of the vocabulary are exported here too, so that others import one module for
vocabulary and tokenizer.

Source: google-research/bert, tokenization.py, `FullTokenizer`; Song et al. 2021 (fast WordPiece).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from data_prep.tokenizer.basic_tokenizer import split_words
from data_prep.tokenizer.segmented_words import continues_word, is_segmented, without_marks
from data_prep.tokenizer.vocabulary_file import casing_of, check_casing, load_vocabulary
from data_prep.tokenizer.vocabulary_learner import (
    MAX_WORD_CHARACTERS,
    SPECIAL_TOKENS,
    learn_vocabulary,
)
from data_prep.tokenizer.word_cache import WordMemory

__all__ = [
    "SPECIAL_TOKENS",
    "WordpieceTokenizer",
    "casing_of",
    "check_casing",
    "learn_vocabulary",
    "load_vocabulary",
]

_MAX_BYTES_PER_CHARACTER = 4
_TF_TEXT_WORD_BYTES = 100  # the default of BertTokenizer
_LINES_PER_CALL = 4_096


class WordpieceTokenizer:
    """Tokenizes lines in batches.

    Args:
        vocab_file: one entry a line.
        do_lower_case: lower-case and strip accents.
        ids: "bert" gives the ids of google-research/bert; "tf_text" those of tensorflow-text's
            BertTokenizer, for models that are served with it.
        mark_words: add the size of the vocabulary to the id of a token that continues a word of
            segmented text (see `segmented_words`); not with "tf_text".

    Attributes:
        vocab: the entries; the index of an entry is its id.
        pad_id, unk_id, cls_id, sep_id, mask_id: ids of the special tokens.
        num_ids: ids that `tokenize` may give, twice the size of the vocabulary with marks.
        is_continuation: bool [num_ids], True for ids that continue a word (`##...` and marked).

    Raises:
        FileNotFoundError, ValueError: see `load_vocabulary`.
    """

    def __init__(
        self,
        vocab_file: str,
        *,
        do_lower_case: bool = True,
        ids: str = "bert",
        mark_words: bool = False,
    ):
        self._is_tf_text = ids == "tf_text"
        self.vocab_file = os.fspath(vocab_file)
        self.do_lower_case = do_lower_case
        self.vocab = load_vocabulary(self.vocab_file)
        self.pad_id, self.unk_id, self.cls_id, self.sep_id, self.mask_id = (
            self.vocab.index(token) for token in SPECIAL_TOKENS
        )
        self._mark_words = mark_words and not self._is_tf_text
        continues = [entry.startswith("##") for entry in self.vocab]
        marked = [True] * len(continues) if self._mark_words else []
        self.is_continuation = np.array([*continues, *marked])
        self.num_ids = len(self.is_continuation)
        self._pieces = self._build()
        self._memory = WordMemory(self._tokenize_words)

    def _build(self) -> Any:
        import tensorflow as tf
        import tensorflow_text as tf_text

        shared = {"vocab": self.vocab, "token_out_type": tf.int32, "unknown_token": "[UNK]"}
        if self._is_tf_text:
            return tf_text.FastBertTokenizer(
                **shared,
                max_bytes_per_word=_TF_TEXT_WORD_BYTES,
                lower_case_nfd_strip_accents=self.do_lower_case,
            )
        return tf_text.FastWordpieceTokenizer(
            **shared,
            max_bytes_per_word=MAX_WORD_CHARACTERS * _MAX_BYTES_PER_CHARACTER,
            no_pretokenization=True,
        )

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
        if self._is_tf_text:
            return _flat(self._pieces, lines)
        ids, lengths = self._memory.tokenize(lines)
        if self._mark_words:
            segmented = np.fromiter(map(is_segmented, lines), bool, len(lines))
            if not segmented.all():
                plain = without_marks(ids, len(self.vocab))
                ids = np.where(np.repeat(segmented, lengths), ids, plain)
        return ids, lengths

    def _tokenize_words(self, words: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
        """Applies BERT's rules to words as `WordMemory` cuts them, and finds the pieces."""
        split = [
            [word.lower() if self.do_lower_case else word]
            if word.isalnum()  # of bytes: ASCII
            else split_words(word.decode("utf-8", "ignore"), do_lower_case=self.do_lower_case)
            for word in words
        ]
        # An over-long word is one [UNK]; so is this stand-in, which no vocabulary spells.
        parts = [
            part if len(part) <= MAX_WORD_CHARACTERS else "\0" for word in split for part in word
        ]
        ids, lengths = _flat(self._pieces, parts)
        if self._mark_words:
            continues = np.array([each for word in split for each in continues_word(word)], bool)
            begins = np.cumsum(lengths) - lengths
            ids = ids.copy()
            ids[begins[continues]] += len(self.vocab)
        ids_before = np.concatenate([[0], np.cumsum(lengths)])[
            np.concatenate([[0], np.cumsum([len(word) for word in split], dtype=np.int64)])
        ]
        return ids, np.diff(ids_before)


def _flat(tokenizer: Any, strings: list[Any]) -> tuple[np.ndarray, np.ndarray]:
    if not strings:
        return np.zeros(0, np.int32), np.zeros(0, np.int32)
    ragged = tokenizer.tokenize(strings)
    return ragged.flat_values.numpy(), ragged.row_lengths().numpy().astype(np.int32)
