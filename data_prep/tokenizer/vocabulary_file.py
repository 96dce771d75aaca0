"""Vocabulary files: one entry a line, read and checked, and whether they are lower-cased."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

from data_prep import storage
from data_prep.tokenizer.basic_tokenizer import split_words
from data_prep.tokenizer.vocabulary_learner import SPECIAL_TOKENS

SETTINGS_SUFFIX = ".json"  # `mnemosyne vocab` writes its settings to the file of this name
_CONTINUATION = "##"
# Published lower-cased vocabularies hold a few stray capitals; a cased one holds tens of percent.
_MOST_STRAY_CAPITALS = 0.01


def load_vocabulary(vocab_file: str) -> list[str]:
    """Reads a vocabulary, one entry a line; the line number, counted from 0, is the id.

    Windows line ends and a byte-order mark at the beginning are no part of the entries.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is empty, not UTF-8, has duplicates or blank lines, has white space in an
            entry, or lacks a special token.
    """
    if not storage.exists(vocab_file):
        raise FileNotFoundError(
            f"{vocab_file}: expected a vocabulary file, but there is none. Make one with "
            "`mnemosyne vocab --input GLOB --output FILE --vocab_size N`."
        )
    try:
        text = storage.read_whole(vocab_file).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{vocab_file}: expected UTF-8 text, received {error}.") from error
    vocab = [line.rstrip("\r") for line in text.removesuffix("\n").split("\n")]
    _check_vocabulary(vocab_file, vocab)
    return vocab


def casing_of(vocab_file: str, asked: bool | None) -> bool:
    """Returns whether text is lower-cased for a vocabulary.

    Args:
        vocab_file: the vocabulary.
        asked: what was asked for; None follows the record next to it, or is True without one.
    """
    if asked is not None:
        return asked
    _, recorded = _recorded_casing(vocab_file)
    return recorded is not False


def check_casing(vocab_file: str, do_lower_case: bool) -> str:
    """Compares `do_lower_case` with what is recorded next to a vocabulary, or with its entries.

    Read are, in this order: `vocab.txt.json` (of `mnemosyne vocab`), `manifest.json` (of a folder
    of records) and `tokenizer_config.json` (of a published checkpoint), in the folder of the file.

    Args:
        vocab_file: the vocabulary, which exists.
        do_lower_case: whether text is lower-cased and stripped of its accents before look-up.

    Returns:
        A warning, or "" where nothing speaks against the choice.

    Raises:
        ValueError: a record says the opposite, or nothing is recorded and entries that lower-casing
            makes unreachable are more than 1 % of the vocabulary.
    """
    source, recorded = _recorded_casing(vocab_file)
    if recorded is not None:
        if recorded != do_lower_case:
            raise ValueError(
                f"{vocab_file}: expected --do_lower_case {str(recorded).lower()}, which "
                f"{source} records for this vocabulary, received {str(do_lower_case).lower()}. "
                f"Give --do_lower_case {str(recorded).lower()} or another vocabulary."
            )
        return ""
    vocab = load_vocabulary(vocab_file)
    if not do_lower_case:
        return _warning_of_missing_capitals(vocab_file, vocab)
    unreachable = unreachable_entries(vocab)
    if not unreachable:
        return ""
    fraction = len(unreachable) / len(vocab)
    finding = (
        f"{len(unreachable):,} of {len(vocab):,} entries ({fraction:.1%}; {unreachable[0]!r} is "
        "one) hold upper case or accents and are never found in lower-cased text"
    )
    if fraction > _MOST_STRAY_CAPITALS:
        raise ValueError(
            f"{vocab_file}: expected entries in lower case under --do_lower_case true, but "
            f"{finding}. Give --do_lower_case false, or a vocabulary that is lower-cased."
        )
    return f"{vocab_file}: {finding}."


def unreachable_entries(vocab: Sequence[str]) -> list[str]:
    """Returns the entries that lower-casing makes unreachable and that have no lower-cased twin.

    Entries in square brackets, such as [CLS] and [unused1], are looked up as they are.
    """
    known = set(vocab)
    unreachable = []
    for entry in vocab:
        if entry.islower() and entry.isascii() or _is_bracketed(entry):
            continue
        mark = _CONTINUATION if entry.startswith(_CONTINUATION) else ""
        piece = entry.removeprefix(mark)
        if piece.lower() == piece and piece.isascii():
            continue
        lowered = "".join(split_words(piece))
        if lowered and lowered != piece and mark + lowered not in known:
            unreachable.append(entry)
    return unreachable


def _is_bracketed(entry: str) -> bool:
    return entry.startswith("[") and entry.endswith("]")


def _warning_of_missing_capitals(vocab_file: str, vocab: Sequence[str]) -> str:
    words = [entry for entry in vocab if not _is_bracketed(entry)]
    has_case = any(entry.lower() != entry.upper() for entry in words)
    if not has_case or any(entry.lower() != entry for entry in words):
        return ""
    return (
        f"{vocab_file}: no entry holds an upper-case letter, so under --do_lower_case false every "
        "capitalised word becomes [UNK]. Give --do_lower_case true unless the text has no capitals."
    )


def _recorded_casing(vocab_file: str) -> tuple[str, bool | None]:
    """Returns the file that records `do_lower_case` for a vocabulary, and what it says."""
    folder = os.path.dirname(vocab_file)
    for path, keys in (
        (vocab_file + SETTINGS_SUFFIX, ("settings", "do_lower_case")),
        (os.path.join(folder, "manifest.json"), ("settings", "do_lower_case")),
        (os.path.join(folder, "tokenizer_config.json"), ("do_lower_case",)),
    ):
        if not storage.exists(path):
            continue
        try:
            value = json.loads(storage.read_whole(path))
            for key in keys:
                value = value[key]
        except (ValueError, KeyError, TypeError):  # not a record of casing
            continue
        if isinstance(value, bool):
            return path, value
    return "", None


def _check_vocabulary(vocab_file: str, vocab: Sequence[str]) -> None:
    if not any(vocab):
        raise ValueError(
            f"{vocab_file}: expected one vocabulary entry a line, received an empty file. Make one "
            "with `mnemosyne vocab`."
        )
    line_of: dict[str, int] = {}
    for number, entry in enumerate(vocab, start=1):
        _check_entry(vocab_file, number, entry)
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


def _check_entry(vocab_file: str, number: int, entry: str) -> None:
    if not entry.strip(" \t"):
        raise ValueError(
            f"{vocab_file}: expected an entry on every line, received a blank line {number}. "
            "Remove it (this shifts the ids behind it)."
        )
    # A lone exotic space, as multilingual vocabularies hold, does no harm.
    if entry.strip() and entry.split() != [entry]:
        raise ValueError(
            f"{vocab_file}: expected entries without white space, received {entry!r} on line "
            f"{number}, which no word of a text equals. Remove the white space; if that gives an "
            f"entry that exists already, rename it, say to [unused{number}]."
        )
