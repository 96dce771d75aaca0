"""A line of text to the words of BERT: what is dropped, where it is split, what lower case means.

tensorflow-text has other rules (it folds compatibility characters, so an ellipsis becomes three
full stops), whereas a published checkpoint expects the ids of the original rules, which stand here.

Source: google-research/bert, tokenization.py, `BasicTokenizer`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable

# CJK ideographs, each a word of its own; Hangul, kana and the like are spaced or joined by their
# writers.
_IDEOGRAPHS = (
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0002a6df\U0002a700-\U0002b73f\U0002b740-\U0002b81f\U0002b820-\U0002ceaf"
    "\U0002f800-\U0002fa1f"
)
_IDEOGRAPH = re.compile(f"([{_IDEOGRAPHS}])")
_ASCII_PUNCTUATION = "!-/:-@\\[-`{-~"
_ASCII_WORD_OR_MARK = re.compile(f"[{_ASCII_PUNCTUATION}]|[^{_ASCII_PUNCTUATION}]+")


def split_words(text: str, *, do_lower_case: bool = True) -> list[str]:
    """Splits a line into words and punctuation marks.

    Args:
        text: any text; characters that BERT drops are dropped here too.
        do_lower_case: lower-case and strip accents.

    Returns:
        The words, none of them empty. "Hi, you" gives `["hi", ",", "you"]`.
    """
    words = text.translate(_CLEANED).split()
    return [part for word in words for part in _split_word(word, do_lower_case)]


def count_ideographs(text: str) -> int:
    """Returns how many CJK ideographs a text has; BERT makes each of them a word."""
    return len(_IDEOGRAPH.findall(text))


def is_ideograph(text: str) -> bool:
    """Says whether a text is one CJK ideograph."""
    return len(text) == 1 and _IDEOGRAPH.match(text) is not None


class _Characters(dict[int, "str | None"]):
    """What a character becomes, by its code point; worked out when it first comes up.

    A text uses few of a million characters, and a table of all would cost a second at every start.
    """

    def __init__(self, becomes: Callable[[str], str | None]):
        super().__init__()
        self._becomes = becomes

    def __missing__(self, code: int) -> str | None:
        self[code] = self._becomes(chr(code))
        return self[code]


def _cleaned(character: str) -> str | None:
    category = unicodedata.category(character)
    if character in "\t\n\r" or category == "Zs":
        return " "
    return None if category in ("Cc", "Cf") or character == "\ufffd" else character


def _without_accent(character: str) -> str | None:
    return None if unicodedata.category(character) == "Mn" else character


def _spaced_mark(character: str) -> str:
    return f" {character} " if is_mark(character) else character


def _split_word(word: str, do_lower_case: bool) -> Iterable[str]:
    """Splits clean text without white space."""
    if word.isascii():
        return _ASCII_WORD_OR_MARK.findall(word.lower() if do_lower_case else word)
    parts: list[str] = []
    # The second split is not redundant: taking characters apart (NFD) can bring spaces about.
    for piece in _IDEOGRAPH.sub(r" \1 ", word).split():
        if do_lower_case:
            piece = unicodedata.normalize("NFD", piece.lower()).translate(_WITHOUT_ACCENTS)
        parts += piece.translate(_SPACED_MARKS).split()
    return parts


def is_mark(character: str) -> bool:
    """Says whether a character is a word of its own to BERT.

    It is if it is ASCII other than letters, digits and space, or punctuation of any script.
    """
    if character.isascii():
        return bool(re.match(f"[{_ASCII_PUNCTUATION}]", character))
    return unicodedata.category(character).startswith("P")


_CLEANED = _Characters(_cleaned)
_WITHOUT_ACCENTS = _Characters(_without_accent)
_SPACED_MARKS = _Characters(_spaced_mark)
