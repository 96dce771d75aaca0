"""Texts to ids with a tokenizer whose pieces are the numbers in the text."""

import numpy as np
import pytest

from pipeline.glue.encoding import count_cut, encode_texts, kept_lengths, unknown_fraction


class NumberTokenizer:
    pad_id, cls_id, sep_id = 0, 1, 2

    def tokenize(self, lines):
        rows = [[int(word) for word in line.split()] for line in lines]
        ids = np.array([value for row in rows for value in row], dtype=np.int32)
        return ids, np.array([len(row) for row in rows], dtype=np.int32)


def test_a_single_text_is_cls_text_sep():
    features = encode_texts([["7 8", "9"]], NumberTokenizer(), 5)
    assert features["input_ids"].tolist() == [[1, 7, 8, 2, 0], [1, 9, 2, 0, 0]]
    assert features["input_mask"].tolist() == [[1, 1, 1, 1, 0], [1, 1, 1, 0, 0]]
    assert features["segment_ids"].tolist() == [[0] * 5, [0] * 5]


def test_a_pair_has_segment_1_from_its_second_text_to_its_last_sep():
    features = encode_texts([["7 8 9"], ["5"]], NumberTokenizer(), 8)
    assert features["input_ids"].tolist() == [[1, 7, 8, 9, 2, 5, 2, 0]]
    assert features["input_mask"].tolist() == [[1, 1, 1, 1, 1, 1, 1, 0]]
    assert features["segment_ids"].tolist() == [[0, 0, 0, 0, 0, 1, 1, 0]]


@pytest.mark.parametrize("with_features", [False, True])
def test_an_example_that_just_fits_is_not_counted_as_cut(with_features):
    texts, tokenizer = [["7 8 9", "7 8", "7 8 9"], ["5", "5", ""]], NumberTokenizer()
    features = encode_texts(texts, tokenizer, 6) if with_features else None
    assert count_cut(texts, tokenizer, 6, features) == 1


def test_without_a_cls_one_piece_more_fits_and_the_others_are_counted_as_cut():
    tokenizer = NumberTokenizer()
    tokenizer.cls_id = None
    texts = [["11 12 13 14", "11 12 13 14 15"]]
    features = encode_texts(texts, tokenizer, 5)
    assert features["input_ids"].tolist() == [[11, 12, 13, 14, 2]] * 2
    assert count_cut(texts, tokenizer, 5, features) == 1


def test_inputs_are_int32():
    features = encode_texts([["7"]], NumberTokenizer(), 5)
    assert {name: values.dtype for name, values in features.items()} == {
        "input_ids": np.int32,
        "input_mask": np.int32,
        "segment_ids": np.int32,
    }


def test_a_long_single_text_loses_its_end():
    features = encode_texts([["11 12 13 14 15"]], NumberTokenizer(), 5)
    assert features["input_ids"].tolist() == [[1, 11, 12, 13, 2]]


def test_a_long_pair_loses_the_end_of_its_longer_text():
    features = encode_texts([["11 12 13 14"], ["21"]], NumberTokenizer(), 6)
    assert features["input_ids"].tolist() == [[1, 11, 12, 2, 21, 2]]


def test_a_text_without_pieces_still_gives_a_row():
    features = encode_texts([["", "4"], ["3", ""]], NumberTokenizer(), 6)
    assert features["input_ids"].tolist() == [[1, 2, 3, 2, 0, 0], [1, 4, 2, 2, 0, 0]]


def test_kept_lengths_equal_dropping_one_piece_at_a_time():
    pairs = [(a, b) for a in range(12) for b in range(12)]
    for budget in (2, 7, 8):
        kept = kept_lengths(np.array(pairs).T, budget)
        for (first, second), *lengths in zip(pairs, *kept, strict=True):
            while first + second > budget:
                if first > second:
                    first -= 1
                else:
                    second -= 1
            assert lengths == [first, second]


def test_too_short_a_sequence_is_an_error():
    with pytest.raises(ValueError, match="--max_seq_length: expected at least 5, received 4"):
        encode_texts([["7"]], NumberTokenizer(), 4)


def test_unknown_tokens_are_a_fraction_of_the_text_alone():
    tokenizer = NumberTokenizer()
    tokenizer.unk_id = 9
    features = encode_texts([["7 9", "9 8"], ["5", "9 5"]], tokenizer, 8)
    assert unknown_fraction(features, tokenizer) == 3 / 7
    nothing = {name: np.zeros([0, 8], np.int32) for name in features}
    assert unknown_fraction(nothing, tokenizer) == 0.0
