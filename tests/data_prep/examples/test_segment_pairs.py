import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.examples.rng import RandomStream
from data_prep.examples.segment_pairs import SegmentPairs, truncate_pairs


def truncated_one_by_one(a_length, b_length, max_tokens):
    """How the original decides which segment loses a token."""
    while a_length + b_length > max_tokens:
        if a_length > b_length:
            a_length -= 1
        else:
            b_length -= 1
    return a_length, b_length


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 60), st.integers(1, 60)), min_size=1, max_size=30),
    st.integers(2, 40),
)
def test_lengths_after_truncation_are_those_of_the_original(lengths, max_tokens):
    a, b = np.array(lengths).T
    pairs = SegmentPairs(np.zeros_like(a), a, np.full_like(b, 100), 100 + b, np.zeros_like(a))
    cut = truncate_pairs(pairs, max_tokens, RandomStream(1))
    found = list(zip(cut.a_end - cut.a_begin, cut.b_end - cut.b_begin, strict=True))
    assert found == [truncated_one_by_one(*each, max_tokens) for each in lengths]
    assert ((cut.a_begin >= 0) & (cut.a_end <= a)).all()
    assert ((cut.b_begin >= 100) & (cut.b_end <= 100 + b)).all()


def test_truncation_takes_from_front_and_back_alike():
    count = 4_000
    zeros = np.zeros(count, np.int64)
    pairs = SegmentPairs(zeros, zeros + 30, zeros + 100, zeros + 110, zeros)
    cut = truncate_pairs(pairs, 20, RandomStream(2))
    # 20 tokens go from A; standard deviation of the mean 0.035.
    assert abs(cut.a_begin.mean() - 10) < 0.2
