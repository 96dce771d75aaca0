"""Documents to counts of normalised words, for learning a vocabulary."""

from __future__ import annotations

import collections
from collections.abc import Iterable

from data_prep.tokenizer.basic_tokenizer import split_words

_SPACES_ONLY = bytes.maketrans(b"\t\r\n", b"   ")


def count_words(lines: Iterable[bytes], *, do_lower_case: bool) -> collections.Counter[str]:
    """Counts the words of lines, normalised as the tokenizer does it.

    Stretches without white space are counted first and normalised once each: most text is few
    words many times.
    """
    raw: collections.Counter[bytes] = collections.Counter()
    for line in lines:
        # At the white space of ASCII that BERT knows; at a form feed, for one, it does not split.
        raw.update(line.translate(_SPACES_ONLY).split(b" "))
    words: collections.Counter[str] = collections.Counter()
    for stretch, count in raw.items():
        for word in split_words(stretch.decode("utf-8"), do_lower_case=do_lower_case):
            words[word] += count
    return words
