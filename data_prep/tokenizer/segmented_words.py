"""Words of a text that is segmented by blanks, where BERT splits them into ideographs.

BERT makes every CJK ideograph a word. In text that was segmented, the word is what stands between
blanks, and whole-word masking needs to know which ideographs belong together. The tokens that
continue such a word carry a mark: their id is that of the vocabulary plus its size.

Differs: google-research/bert masks the ideographs of a word one by one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from data_prep.tokenizer.basic_tokenizer import count_ideographs, is_mark

# Words of segmented Chinese have about two ideographs on average, unsegmented clauses six and more.
_MOST_IDEOGRAPHS_PER_WORD = 3
_ASCII = bytes(range(128))
_MAYBE_IDEOGRAPH = re.compile(rb"[\xe3-\xe9\xef\xf0]")  # how their UTF-8 begins


def continues_word(parts: Sequence[str]) -> list[bool]:
    """Says which parts of a stretch without blanks continue its word.

    Args:
        parts: what BERT's rules split the stretch into.

    Returns:
        For every part, whether it and the part before it are no punctuation and the stretch has an
        ideograph; otherwise BERT's rules stand.
    """
    if len(parts) < 2 or not any(map(count_ideographs, parts)):
        return [False] * len(parts)
    is_word = [not is_mark(part[0]) for part in parts]
    return [False, *(both for both in map(all, zip(is_word[:-1], is_word[1:], strict=True)))]


def is_segmented(line: bytes) -> bool:
    """Says whether the blanks of a line of ideographs stand between words.

    That is so if a stretch between blanks has at most 3 ideographs on average. A line without a
    blank is one word if it has no more than that, and nothing else.
    """
    if line.isascii() or not _MAYBE_IDEOGRAPH.search(line.translate(None, _ASCII)):
        return True
    stretches = line.decode("utf-8", "ignore").split()
    counts = [count for count in map(count_ideographs, stretches) if count]
    if len(stretches) == 1 and counts and counts[0] < len(stretches[0]):
        return False
    return sum(counts) <= _MOST_IDEOGRAPHS_PER_WORD * len(counts)


def without_marks(ids: np.ndarray, vocab_size: int) -> np.ndarray:
    """Returns the ids of the vocabulary, marks taken off; the same array where there are none."""
    marked = ids >= vocab_size
    return np.where(marked, ids - ids.dtype.type(vocab_size), ids) if marked.any() else ids
