"""Vocabulary files: one entry a line, read and checked."""

from __future__ import annotations

from collections.abc import Sequence

from data_prep import storage
from data_prep.tokenizer.vocabulary_learner import SPECIAL_TOKENS


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
