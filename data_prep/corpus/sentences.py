"""Lines to sentences.

The splitter is BlingFire: a compiled finite-state machine that knows abbreviations, initials,
decimals and quotation marks, under the MIT licence, in one wheel without dependencies or downloads.
NLTK's Punkt needs downloaded data; rule sets in Python cost more than the rest of data preparation.

Three kinds of line are treated in addition, because version 0.1.8 gets them wrong:

    the mark is not . ! ? (danda, Ethiopic, Khmer, Armenian ...)   it ends a sentence
    a quotation mark or bracket closes behind the mark             it belongs to the sentence
    quotation marks are curly or angular                           they are treated as straight ones

A quotation followed by a lower-case letter goes on (`"Stop!" he said.` is one sentence), whichever
quotation marks it has.

Source: microsoft/BlingFire, `TextToSentences`; Unicode Standard Annex 29, rules SB9 to SB11, for
    what follows a mark.
Differs: BlingFire's C function is called with one buffer for all lines of a document; the Python
    function of the library makes a new ctypes type for each length of line, which takes as long
    again. Annex 29 breaks before a lower-case letter behind "!" and "?", which no reader does.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Sequence

from data_prep.corpus.sentence_terminals import SENTENCE_TERMINALS

MODES = ("split", "given")

_ASCII = bytes(range(128))
_ODD_QUOTES = "\u00ab\u00bb\u2039\u203a\u201c\u201d\u201e\u201f"
_QUOTES = f'"{_ODD_QUOTES}'
_CLOSING = (
    "\"')\\]}\u00bb\u203a\u2019\u201d"
    "\u3009\u300b\u300d\u300f\u3011\u3015\u3017\u3019\u301b\u301e\u301f"
    "\uff02\uff07\uff09\uff3d\uff5d\uff60\uff63\ufe42\ufe44"
)
# Full stops that also stand in numbers and abbreviations: wide, small, one-dot leader.
_STOPS = "\uff0e\ufe52\u2024"
_FURTHER_MARKS = [each for each in SENTENCE_TERMINALS if not each.isascii()]

Cut = Callable[[bytes], bytes]


def split_sentences(lines: Sequence[bytes]) -> list[bytes]:
    """Splits every line (a paragraph) into sentences; a sentence never spans two lines.

    Args:
        lines: UTF-8 text, not blank, without line feeds.

    Returns:
        The sentences in order, none blank. White space, control and format characters at their
        ends may be lost, which BERT does not see either, and the symbols U+2420 and U+2424.
    """
    cut = _blingfire_cut(max(map(len, lines), default=0))
    sentences: list[bytes] = []
    for line in lines:
        if not line.isascii() and _NEEDS_CARE.search(line.translate(None, _ASCII)):
            text = _cut_with_care(line, cut)
        else:
            text = cut(line)
            if b'"\n' in text:
                text = _with_speech_joined(text)
        sentences += filter(None, text.split(b"\n"))
    return sentences


def _blingfire_cut(longest: int) -> Cut:
    """Returns a function that puts line feeds between the sentences of one line.

    Args:
        longest: bytes of the longest line it will be given.
    """
    import blingfire

    split = blingfire.blingfire.TextToSentences
    # Powers of two, so that there are few lengths and hence few types.
    answer = ctypes.create_string_buffer(1 << (2 * longest).bit_length())

    def cut(line: bytes) -> bytes:
        room = 2 * len(line)
        size = split(line, len(line), answer, room)  # with the NUL at the end; -1 after an error
        text = ctypes.string_at(answer, size - 1) if 0 < size <= room else b""
        # BlingFire answers nothing at all to a line it cannot handle: then the line stays whole.
        return text or line

    return cut


def _with_speech_joined(text: bytes) -> bytes:
    """Joins what BlingFire cut between a straight quotation mark and a lower-case letter."""
    if text.isascii():
        return _SPEECH_GOES_ON.sub(b" ", text)
    return _AFTER_SPEECH.sub(_space_before_lower_case, text.decode("utf-8")).encode("utf-8")


def _cut_with_care(line: bytes, cut: Cut) -> bytes:
    text = _SPACE_BEFORE_CLOSING.sub("", line.decode("utf-8"))
    text = _SPACE_BEHIND_OPENING.sub("", text)
    quotes = iter(_ANY_QUOTE.findall(text))
    ends = _END if max(text) <= "\uffff" else _END_BEYOND_16_BITS
    begin, pieces = 0, []
    for end in ends.finditer(text):
        pieces.append(_ODD_QUOTE.sub('"', text[begin : end.end()].rstrip()))
        begin = end.end()
    pieces.append(_ODD_QUOTE.sub('"', text[begin:]))
    text = b"\n".join(cut(piece.encode("utf-8")) for piece in pieces if piece).decode("utf-8")
    text = _LONE_CLOSING.sub("", text)
    text = _AFTER_SPEECH.sub(_space_before_lower_case, text)
    text = _BETWEEN_SPEECHES.sub(_space_before_lower_case, text)
    return _ANY_QUOTE.sub(lambda _: next(quotes), text).encode("utf-8")


def _space_before_lower_case(match: re.Match[str]) -> str:
    return " " if match[1].islower() else "\n"


def _needs_care_pattern() -> bytes:
    """Returns a pattern of the bytes of all characters that BlingFire gets wrong.

    Those that share all bytes but the last are one alternative, and those that begin like the
    dashes and apostrophes of European text come first: the pattern is tried at each of them.
    """
    lasts: dict[bytes, bytes] = {}
    for character in sorted([*_ODD_QUOTES, *_FURTHER_MARKS]):
        encoded = character.encode("utf-8")
        lasts[encoded[:-1]] = lasts.get(encoded[:-1], b"") + encoded[-1:]
    frequent_first = sorted(lasts, key=lambda prefix: (prefix[:1] != b"\xe2", prefix))
    return b"|".join(
        re.escape(prefix) + b"[" + re.escape(lasts[prefix]) + b"]" for prefix in frequent_first
    )


def _end_pattern(marks: Sequence[str]) -> re.Pattern[str]:
    """Returns a pattern of a mark, all that belongs to it, and white space."""
    strong = "".join(each for each in marks if each not in _STOPS)
    return re.compile(
        rf"(?:[{strong}]|[{_STOPS}](?![0-9A-Za-z\uff10-\uff19\uff21-\uff3a\uff41-\uff5a]))"
        rf"[.!?{strong}{_STOPS}]*[{_CLOSING}]*\s*"
    )


_NEEDS_CARE = re.compile(_needs_care_pattern())
# A class of characters beyond 16 bits is searched twenty times as slowly.
_MARKS = [each for each in _FURTHER_MARKS if each <= "\uffff"]
_END = _end_pattern(_MARKS)
_END_BEYOND_16_BITS = _end_pattern(_FURTHER_MARKS)
_SPEECH_GOES_ON = re.compile(rb'(?<=")\n(?=(?:-+ )?[a-z])')
_AFTER_SPEECH = re.compile(r'(?<=")\n(?=(?:[\u2013\u2014-]+\s)?(\w))')
_BETWEEN_SPEECHES = re.compile(rf"(?<=[.!?\u2026][{_QUOTES}])\s+(?=[{_QUOTES}](\w))")
_ODD_QUOTE = re.compile(f"[{_ODD_QUOTES}]")
_ANY_QUOTE = re.compile(f"[{_QUOTES}]")
# French sets blanks inside its marks ("« Non ! » Il part."), which BERT does not see.
_SPACE_BEHIND_OPENING = re.compile(r"(?<=(?<!\S)[\u00ab\u2039])\s+(?=\S)")
_SPACE_BEFORE_CLOSING = re.compile(r"(?<=[.!?\u2026])\s+(?=[\u00bb\u203a](?:[\s.,;:!?)]|\Z))")
_LONE_CLOSING = re.compile(rf"\n(?=[{_CLOSING}{''.join(_MARKS)}.!?]+(?:\s|\Z))")
