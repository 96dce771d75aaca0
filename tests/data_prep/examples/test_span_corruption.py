import dataclasses

import numpy as np
import pytest

from data_prep.examples.rng import RandomStream
from data_prep.examples.segment_pairs import SegmentPairs
from data_prep.examples.span_corruption import (
    SpanCorruption,
    corrupted,
    num_replaced,
    record_lengths,
    spans,
)

PAD, SEP, SENTINEL = 0, 3, 100


def test_spans_become_sentinels_and_the_target_names_them():
    text = np.array([11, 12, 13, 14, 15, 16, 17, 18])
    replaced = np.array([0, 1, 1, 0, 0, 0, 1, 0], bool)
    given, wanted = corrupted(text, replaced, SENTINEL)
    assert given.tolist() == [11, 100, 14, 15, 16, 101, 18]
    assert wanted.tolist() == [100, 12, 13, 101, 17]


@pytest.mark.parametrize(
    ("length", "expected"), [(100, (15, 5)), (10, (2, 1)), (3, (1, 1)), (2, (1, 1)), (1, (0, 0))]
)
def test_fifteen_percent_in_spans_of_three(length, expected):
    assert num_replaced(length, 0.15) == expected


@pytest.mark.parametrize("length", [1, 2, 3, 20, 127])
def test_spans_have_their_number_and_never_begin_the_text(length):
    tokens, number = num_replaced(length, 0.15)
    for seed in range(20):
        replaced = spans(length, tokens, number, RandomStream(seed))
        begins = replaced & ~np.concatenate([[False], replaced[:-1]])
        assert (len(replaced), replaced.sum(), begins.sum()) == (length, tokens, number)
        assert not replaced[0]


def test_every_way_to_part_the_text_comes_up():
    # 2 of 5 tokens in one span: behind 3 kept ones; in two spans: 1 + 1, between 1 + 2 or 2 + 1.
    found = {tuple(spans(5, 2, 2, RandomStream(seed)).astype(int)) for seed in range(50)}
    assert found == {(0, 1, 0, 0, 1), (0, 0, 1, 0, 1)}


@pytest.fixture(name="records")
def fixture_records():
    """Three texts of 30, 17 and 1 tokens, in records of 31."""
    begin, end = np.array([0, 30, 47]), np.array([30, 47, 48])
    packs = SegmentPairs(begin, end, end, end, np.zeros(3, np.int64))
    builder = SpanCorruption(31, 30, PAD, SEP, vocab_size=SENTINEL, fraction=0.15)
    ids = (np.arange(48) + 10).astype(np.uint16)
    return ids, builder.build(ids, packs, RandomStream(0))


def test_a_text_can_be_put_together_again(records):
    ids, features = records
    for row, (begin, end) in enumerate(((0, 30), (30, 47), (47, 48))):
        given = features["input_ids"][row, : features["input_mask"][row].sum()].tolist()
        wanted = features["target_ids"][row].tolist()
        assert given.pop() == SEP
        pieces = {}
        for token in wanted[: wanted.index(SEP)]:
            if token >= SENTINEL:
                span = pieces[token] = []
            else:
                span.append(token)
        text = [each for token in given for each in pieces.get(token, [token])]
        assert text == ids[begin:end].tolist()


def test_lengths_are_those_of_the_records(records):
    _, features = records
    inputs, replaced = record_lengths(np.array([30, 17, 1]), 0.15)
    assert inputs.tolist() == features["input_mask"].sum(axis=1).tolist() == [28, 16, 2]
    assert replaced.tolist() == [5, 3, 0]


def test_a_short_input_may_be_of_a_longer_text():
    builder = SpanCorruption(28, 30, PAD, SEP, vocab_size=SENTINEL, fraction=0.15)
    # 30 tokens with 5 in 2 spans make an input of 28 with its end; 8 in the target.
    assert (builder.max_target_length, builder.num_sentinels) == (8, 2)
    shorter = dataclasses.replace(builder, max_seq_length=8)
    # 7 tokens with 1 replaced make 8, and 2 and an end in the target.
    assert (shorter.max_target_length, shorter.num_sentinels) == (3, 1)


def test_what_is_left_is_padding(records):
    _, features = records
    assert features["input_ids"].shape == features["input_mask"].shape == (3, 31)
    # Of 30 tokens 5 are replaced (4.5, rounded up), in 2 spans, and one end: 8.
    assert features["target_ids"].shape == (3, 8)
    assert np.all(features["input_ids"][features["input_mask"] == 0] == PAD)
    assert features["target_ids"][2].tolist() == [SEP, 0, 0, 0, 0, 0, 0, 0]
