"""Text to what a T5 is pre-trained on: spans replaced by sentinels, and the spans as the answer.

    text      the cat sat on the mat and slept
    input     the <0> on the mat <1> slept [SEP]
    target    <0> cat sat <1> and [SEP]

Source: Raffel et al. 2020 (T5), section 3.1.4: 15 % of the tokens, in spans of 3 on the average.
Differs: a sentinel is an id beyond the vocabulary, the first one `vocab_size`; T5's stand at the
end of its vocabulary in falling order. [SEP] stands for its end of a text.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from data_prep.examples.rng import RandomStream
from data_prep.examples.segment_pairs import SegmentPairs
from data_prep.tokenizer.segmented_words import without_marks

MEAN_SPAN_LENGTH = 3
SPECIAL_TOKENS_PER_TEXT = 1  # [SEP]


@dataclasses.dataclass(frozen=True)
class SpanCorruption:
    """Builds records `input_ids`, `input_mask` and `target_ids` for one vocabulary.

    Attributes:
        max_seq_length: tokens of an input.
        max_text_length: tokens of the longest text, which may be more: a span becomes one sentinel.
        pad_id, sep_id: of [PAD] and [SEP].
        vocab_size: the first sentinel.
        fraction: of the tokens, to replace.
    """

    max_seq_length: int
    max_text_length: int
    pad_id: int
    sep_id: int
    vocab_size: int
    fraction: float

    @property
    def max_target_length(self) -> int:
        """Tokens of a target, those of the longest text whose input fits."""
        return sum(self._most_replaced) + SPECIAL_TOKENS_PER_TEXT

    @property
    def num_sentinels(self) -> int:
        """The spans of that text, each with an id of its own."""
        return self._most_replaced[1]

    @property
    def _most_replaced(self) -> tuple[int, int]:
        inputs, _ = record_lengths(np.arange(self.max_text_length + 1), self.fraction)
        return num_replaced(int(np.flatnonzero(inputs <= self.max_seq_length)[-1]), self.fraction)

    def build(
        self, ids: np.ndarray, packs: SegmentPairs, rng: RandomStream
    ) -> dict[str, np.ndarray]:
        """Replaces spans of each pack.

        Args:
            ids: [num_tokens], the flat array that the packs are offsets into.
            packs: [batch], each with a segment A alone whose input fits into `max_seq_length`.
            rng: of the spans.

        Returns:
            uint32 `input_ids` and uint8 `input_mask` [batch, max_seq_length], uint32 `target_ids`
            [batch, max_target_length].
        """
        input_ids = np.full([len(packs), self.max_seq_length], self.pad_id, np.uint32)
        target_ids = np.full([len(packs), self.max_target_length], self.pad_id, np.uint32)
        lengths = np.zeros(len(packs), np.int64)
        for row, (begin, end) in enumerate(zip(packs.a_begin, packs.a_end, strict=True)):
            text = without_marks(ids[begin:end], self.vocab_size).astype(np.uint32)
            replaced = spans(len(text), *num_replaced(len(text), self.fraction), rng)
            given, wanted = corrupted(text, replaced, self.vocab_size)
            lengths[row] = len(given) + 1
            input_ids[row, : len(given) + 1] = [*given, self.sep_id]
            target_ids[row, : len(wanted) + 1] = [*wanted, self.sep_id]
        input_mask = np.arange(self.max_seq_length) < lengths[:, None]
        return {
            "input_ids": input_ids,
            "input_mask": input_mask.astype(np.uint8),
            "target_ids": target_ids,
        }


def num_replaced(length: int, fraction: float) -> tuple[int, int]:
    """Returns how many tokens of a text are replaced, and in how many spans.

    At least one token is, and one is not; of a single token, none.
    """
    tokens = min(max(int(length * fraction + 0.5), 1), length - 1)
    number = min(max(int(tokens / MEAN_SPAN_LENGTH + 0.5), 1), tokens, length - tokens)
    return max(tokens, 0), max(number, 0)


def record_lengths(text_lengths: np.ndarray, fraction: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns int64 [num_texts] twice: the tokens of the inputs, and of the texts replaced.

    Args:
        text_lengths: int [num_texts], tokens of the texts, without [SEP].
        fraction: of the tokens, to replace.
    """
    numbers = range(int(text_lengths.max(initial=0)) + 1)
    replaced, spans_of = np.array([num_replaced(each, fraction) for each in numbers]).T
    inputs = text_lengths - replaced[text_lengths] + spans_of[text_lengths]
    return inputs + SPECIAL_TOKENS_PER_TEXT, replaced[text_lengths]


def spans(length: int, tokens: int, number: int, rng: RandomStream) -> np.ndarray:
    """Returns bool [length], True on `tokens` tokens in so many spans; the first one is kept.

    Spans, and what is between them, have one token or more; all ways to part them are as likely.
    """
    if not number:
        return np.zeros(length, bool)
    kept, replaced = _parted(length - tokens, number, rng), _parted(tokens, number, rng)
    sizes = np.stack([kept, replaced], axis=1).reshape(-1)
    return np.repeat(np.arange(2 * number) % 2 == 1, sizes)


def corrupted(
    text: np.ndarray, is_replaced: np.ndarray, first_sentinel: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the text with a sentinel for each span, and the spans, each behind its sentinel."""
    begins = is_replaced & ~np.concatenate([[False], is_replaced[:-1]])
    sentinels = first_sentinel + np.arange(np.count_nonzero(begins))
    given = text.copy()
    given[begins] = sentinels
    wanted = np.insert(text[is_replaced], np.flatnonzero(begins[is_replaced]), sentinels)
    return given[begins | ~is_replaced], wanted


def _parted(total: int, parts: int, rng: RandomStream) -> np.ndarray:
    """Returns int64 [parts], each 1 or more, whose sum is `total`."""
    cuts = np.sort(rng.permutation(total - 1)[: parts - 1]) + 1
    return np.diff(np.concatenate([[0], cuts, [total]]))
