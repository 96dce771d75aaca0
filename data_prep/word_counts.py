"""Documents to counts of normalised words, for learning a vocabulary."""

from __future__ import annotations

import collections
from collections.abc import Iterable

from data_prep.basic_tokenizer import split_words


def count_words(lines: Iterable[bytes], *, do_lower_case: bool) -> collections.Counter[str]:
    """Counts the words of lines, normalised as the tokenizer does it.

    Stretches without white space are counted first and normalised once each: most text is few
    words many times.
    """
    raw: collections.Counter[str] = collections.Counter()
    for line in lines:
        raw.update(line.decode("utf-8").split())
    words: collections.Counter[str] = collections.Counter()
    for stretch, count in raw.items():
        for word in split_words(stretch, do_lower_case=do_lower_case):
            words[word] += count
    return words
