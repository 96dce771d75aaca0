import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data import packing
from pipeline.data.packing import RowLimits

FREE = RowLimits(max_tokens=10, max_sequences=10, max_predictions=100)
ONE_EACH = np.ones(11, np.int64)


def packed_lengths(lengths, *, predictions=ONE_EACH, limits=FREE):
    """The lengths in each row, in the order of the row."""
    lengths = np.array(lengths)
    rows = packing.pack(lengths, predictions=predictions, limits=limits)
    return [lengths[row[row >= 0]].tolist() for row in rows]


def test_the_longest_comes_first_into_the_fullest_row_with_room():
    # 7 opens a row, 5 another; 3 fills the first, 2 goes to the second, the last 2 too.
    assert sorted(packed_lengths([2, 5, 3, 7, 2])) == [[5, 2, 2], [7, 3]]


def test_a_row_ends_at_each_of_its_limits():
    assert packed_lengths([2] * 5) == [[2] * 5]
    two = RowLimits(max_tokens=10, max_sequences=2, max_predictions=100)
    assert sorted(packed_lengths([2] * 5, limits=two)) == [[2], [2, 2], [2, 2]]
    three = RowLimits(max_tokens=10, max_sequences=10, max_predictions=3)
    assert sorted(packed_lengths([2] * 5, limits=three)) == [[2, 2], [2, 2, 2]]


def test_equal_lengths_keep_their_order():
    rows = packing.pack(np.array([4, 6, 4, 6]), predictions=ONE_EACH, limits=FREE)
    assert rows[:, :2].tolist() == [[1, 0], [3, 2]]
    assert (rows[:, 2:] == -1).all()


def test_nothing_makes_no_row():
    assert packing.pack(np.array([], int), predictions=ONE_EACH, limits=FREE).shape == (0, 10)


@pytest.mark.parametrize(
    ("lengths", "max_predictions", "received"),
    [([0, 3], 9, "0 to 3 tokens"), ([11], 9, "11 to 11"), ([9], 1, "2 predictions")],
)
def test_what_fits_no_row_is_refused(lengths, max_predictions, received):
    with pytest.raises(ValueError, match=f"1 to 10 tokens .* received .*{received}"):
        packing.pack(
            np.array(lengths),
            predictions=np.full(12, 2),
            limits=RowLimits(10, 10, max_predictions),
        )


def best_fit_decreasing(lengths, max_tokens):
    """One sequence after the other, in plain Python: the tokens of each row."""
    rows = []
    for length in sorted(lengths, reverse=True):
        fitting = [tokens for tokens in rows if tokens + length <= max_tokens]
        if fitting:
            rows.remove(max(fitting))
        rows.append(max(fitting, default=0) + length)
    return rows


@given(
    lengths=st.lists(st.integers(1, 20), min_size=1, max_size=60),
    max_sequences=st.integers(1, 6),
    max_predictions=st.integers(4, 12),
)
def test_every_sequence_has_one_place_and_no_limit_is_exceeded(
    lengths, max_sequences, max_predictions
):
    predictions = packing.most_predictions(20, 0.2, 20)
    limits = RowLimits(20, max_sequences, max_predictions)
    rows = packing.pack(np.array(lengths), predictions=predictions, limits=limits)
    assert sorted(rows[rows >= 0]) == list(range(len(lengths)))
    taken = [[lengths[i] for i in row if i >= 0] for row in rows]
    assert all(0 < sum(row) <= 20 for row in taken)
    assert rows.shape[1] == max_sequences
    assert all(sum(predictions[i] for i in row) <= max_predictions for row in taken)
    # Free places stand behind the others.
    assert all((np.diff((row >= 0).astype(int)) <= 0).all() for row in rows)


@given(lengths=st.lists(st.integers(1, 20), min_size=1, max_size=60))
def test_rows_are_as_full_as_with_one_sequence_after_the_other(lengths):
    predictions, limits = np.ones(21, np.int64), RowLimits(20, 20, 100)
    ours = [sum(row) for row in packed_lengths(lengths, predictions=predictions, limits=limits)]
    assert sorted(ours) == sorted(best_fit_decreasing(lengths, max_tokens=20))


def wikipedia_like(size, seed=0):
    """Lengths of records of 512: three in five full, the others of any length; 78 % full."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random(size) < 0.57, 512, rng.integers(8, 513, size))


def test_records_of_wikipedia_fill_their_rows():
    lengths = wikipedia_like(2_048)
    assert 0.76 < lengths.mean() / 512 < 0.80
    predictions = packing.most_predictions(512, 0.15, 77)
    counts = np.bincount(lengths, minlength=513)
    limits = packing.limits_for(counts, max_tokens=512, predictions=predictions)
    rows = packing.pack(lengths, predictions=predictions, limits=limits)
    assert lengths.sum() / (len(rows) * 512) >= 0.97
    # 76.8 tokens of a full row are masked; each sequence is off by half a token at most, and a row
    # of one has 77.
    assert 77 <= limits.max_predictions <= 77 + limits.max_sequences / 2
    assert packing.packed_rows(counts, predictions=predictions, limits=limits) == len(rows)


def test_limits_cost_at_most_one_row_in_a_hundred():
    predictions = packing.most_predictions(512, 0.15, 77)
    for seed in range(3):
        counts = np.bincount(wikipedia_like(2_000, seed), minlength=513)
        limits = packing.limits_for(counts, max_tokens=512, predictions=predictions)
        limited, free = (
            packing.packed_rows(counts, predictions=predictions, limits=each)
            for each in (limits, RowLimits(512, 512, 512 * 77))
        )
        assert free <= limited <= 1.005**2 * free


def test_limits_of_equal_short_sequences_are_what_a_row_holds():
    counts = np.zeros(129, np.int64)
    counts[32] = 1_000_000
    predictions = packing.most_predictions(128, 0.15, 20)
    limits = packing.limits_for(counts, max_tokens=128, predictions=predictions)
    assert limits == RowLimits(max_tokens=128, max_sequences=4, max_predictions=4 * 5)


@pytest.mark.parametrize(("lengths", "rare"), [((60,), 128), (tuple(range(70, 101)), 128)])
def test_a_row_holds_the_longest_record_though_it_is_one_of_20_000(lengths, rare):
    """19 predictions of 128 tokens; of those of the others at most 15."""
    counts = np.zeros(129, np.int64)
    counts[list(lengths)] = 20_000 // len(lengths)
    counts[rare] = 1
    predictions = packing.most_predictions(128, 0.15, 20)
    limits = packing.limits_for(counts, max_tokens=128, predictions=predictions)
    assert limits.max_predictions >= 19
    assert packing.packed_rows(counts, predictions=predictions, limits=limits) > 0


def test_number_of_predictions_is_googles():
    assert packing.most_predictions(30, 0.15, 4).tolist() == [
        min(4, max(1, round(length * 0.15))) for length in range(31)
    ]
