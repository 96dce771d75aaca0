"""Lines to sentences.

The splitter is BlingFire, chosen by measurement on 10 MB of Wikipedia: 13 MB/s on one core, a
compiled finite-state machine that knows abbreviations, initials, decimals and quotation marks, MIT
licence, one wheel without dependencies or downloads. NLTK's Punkt needs downloaded data; rule sets
in Python cost more than all the rest of data preparation.

Source: microsoft/BlingFire, `TextToSentences`.
Differs: its C function is called with one buffer for all lines of a document; the Python function
    of the library makes a new ctypes type for each length of line, which takes as long again.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

MODES = ("split", "given")


def split_sentences(lines: Sequence[bytes]) -> list[bytes]:
    """Splits every line (a paragraph) into sentences; a sentence never spans two lines.

    Args:
        lines: UTF-8 text, not blank, without line feeds.

    Returns:
        The sentences in order, none blank. White space, control and format characters at their
        ends may go, which BERT does not see either, and the symbols U+2420 and U+2424.
    """
    import blingfire

    split = blingfire.blingfire.TextToSentences
    longest = max(map(len, lines), default=0)
    # Powers of two, so that there are few lengths and hence few types.
    answer = ctypes.create_string_buffer(1 << (2 * longest).bit_length())
    sentences: list[bytes] = []
    for line in lines:
        room = 2 * len(line)
        size = split(line, len(line), answer, room)  # with the NUL at the end; -1 after an error
        text = ctypes.string_at(answer, size - 1) if 0 < size <= room else b""
        # BlingFire answers nothing at all to a line it cannot handle: then the line stays whole.
        sentences += filter(None, (text or line).split(b"\n"))
    return sentences
