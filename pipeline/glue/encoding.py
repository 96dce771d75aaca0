"""Texts to padded ids: the three inputs of the classifier for all examples of a split.

One segment becomes [CLS] A [SEP], two become [CLS] A [SEP] B [SEP], padded to
`max_seq_length`. A pair that is too long loses pieces from the end of its
longer segment first.

Source: Devlin et al. 2019, section 4.1; google-research/bert,
`run_classifier.py`, `_truncate_seq_pair`.
"""

from collections.abc import Sequence

import numpy as np

from data_prep.wordpiece import WordpieceTokenizer

# [CLS], a [SEP] after each segment, and at least one piece of each segment.
MIN_SEQ_LENGTH = 5
_LINES_PER_CALL = 4096


def encode_texts(
    texts: Sequence[Sequence[str]], tokenizer: WordpieceTokenizer, max_seq_length: int
) -> dict[str, np.ndarray]:
    """Encodes one or two lists of texts.

    Args:
      texts: One list of strings per segment: one list, or two of equal length.
      tokenizer: Gives the ids of pieces and of [CLS], [SEP] and [PAD]; with a `cls_id` of None
        nothing stands before a text.
      max_seq_length: Tokens per example, padding included.

    Returns:
      `input_ids`, `input_mask` and `segment_ids`, each int32
      `[num_examples, seq_len]`.

    Raises:
      ValueError: If `max_seq_length` is below 5.

    Example:
      A = 7 8 9 and B = 5 with `max_seq_length=8` give
      input_ids   [CLS] 7 8 9 [SEP] 5 [SEP] [PAD]
      input_mask    1   1 1 1   1   1   1     0
      segment_ids   0   0 0 0   0   1   1     0
    """
    if max_seq_length < MIN_SEQ_LENGTH:
        raise ValueError(
            f"--max_seq_length: expected at least {MIN_SEQ_LENGTH}, received {max_seq_length}"
        )
    segments = [_tokenize(tokenizer, column) for column in texts]
    budget = _budget(tokenizer, len(segments), max_seq_length)
    kept = kept_lengths([np.array([len(ids) for ids in rows]) for rows in segments], budget)
    begin = [] if tokenizer.cls_id is None else [tokenizer.cls_id]
    shape = (len(texts[0]), max_seq_length)
    input_ids = np.full(shape, tokenizer.pad_id, dtype=np.int32)
    input_mask, segment_ids = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
    for row in range(shape[0]):
        pieces = [segments[i][row][: kept[i][row]] for i in range(len(segments))]
        tokens = [*begin, *pieces[0], tokenizer.sep_id]
        if len(pieces) == 2:
            segment_ids[row, len(tokens) : len(tokens) + len(pieces[1]) + 1] = 1
            tokens += [*pieces[1], tokenizer.sep_id]
        input_ids[row, : len(tokens)] = tokens
        input_mask[row, : len(tokens)] = 1
    return {"input_ids": input_ids, "input_mask": input_mask, "segment_ids": segment_ids}


def count_cut(
    texts: Sequence[Sequence[str]],
    tokenizer: WordpieceTokenizer,
    max_seq_length: int,
    features: dict[str, np.ndarray] | None = None,
) -> int:
    """How many examples have more pieces than fit, so that `encode_texts` cuts them.

    Args:
      texts, tokenizer, max_seq_length: As of `encode_texts`.
      features: What it returned, with which only full rows are looked at.
    """
    if features is not None:
        full = np.flatnonzero(features["input_mask"][:, -1])
        texts = [[column[i] for i in full] for column in texts]
    if not texts[0]:
        return 0
    lengths = [[len(ids) for ids in _tokenize(tokenizer, column)] for column in texts]
    return int((np.sum(lengths, axis=0) > _budget(tokenizer, len(texts), max_seq_length)).sum())


def kept_lengths(lengths: Sequence[np.ndarray], budget: int) -> list[np.ndarray]:
    """How many pieces of each segment stay, int `[num_examples]` per segment.

    For pairs this is the closed form of dropping one piece at a time from the
    longer segment, from the second where both are equally long: 10 and 3
    pieces with a budget of 8 become 5 and 3.
    """
    if len(lengths) == 1:
        return [np.minimum(lengths[0], budget)]
    first, second = lengths
    second_half = budget // 2
    first_half = budget - second_half
    return [
        np.minimum(first, np.maximum(first_half, budget - second)),
        np.minimum(second, np.maximum(second_half, budget - first)),
    ]


def unknown_fraction(features: dict[str, np.ndarray], tokenizer: WordpieceTokenizer) -> float:
    """The fraction in [0, 1] of the text's tokens that are [UNK]; 0 of no text.

    Args:
      features: As `encode_texts` returns them.
      tokenizer: The one that encoded them.
    """
    input_ids = features["input_ids"]
    frame = [tokenizer.sep_id if tokenizer.cls_id is None else tokenizer.cls_id, tokenizer.sep_id]
    is_text = (features["input_mask"] == 1) & ~np.isin(input_ids, frame)
    return float((input_ids[is_text] == tokenizer.unk_id).mean()) if is_text.any() else 0.0


def _budget(tokenizer: WordpieceTokenizer, num_segments: int, max_seq_length: int) -> int:
    """Pieces left when [CLS], if there is one, and the [SEP] of each segment are counted."""
    return max_seq_length - (tokenizer.cls_id is not None) - num_segments


def _tokenize(tokenizer: WordpieceTokenizer, lines: Sequence[str]) -> list[np.ndarray]:
    rows = []
    for start in range(0, len(lines), _LINES_PER_CALL):
        ids, lengths = tokenizer.tokenize(lines[start : start + _LINES_PER_CALL])
        rows += np.split(ids, np.cumsum(lengths)[:-1])
    return rows
