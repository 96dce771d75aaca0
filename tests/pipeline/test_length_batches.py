"""Batches of like length: every example once an epoch, in an order that the seed decides."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import length_batches

LENGTHS = np.random.RandomState(1).randint(3, 100, 320)


def first_batches(lengths, batch_size, count, seed=0):
    batches = length_batches.shuffled_batches(lengths, batch_size, seed)
    return list(itertools.islice(batches, count))


@settings(max_examples=30, deadline=None)
@given(lengths=st.lists(st.integers(1, 50), min_size=1, max_size=40), batch_size=st.integers(1, 50))
def test_whole_epochs_hold_every_example_equally_often(lengths, batch_size):
    # So many epochs that the batches hold them exactly.
    batches = first_batches(lengths, batch_size, len(lengths))
    assert {len(batch) for batch in batches} == {batch_size}
    counts = np.bincount(np.concatenate(batches), minlength=len(lengths))
    assert counts.tolist() == [batch_size] * len(lengths)


def test_another_seed_and_another_epoch_are_other_batches():
    epochs = np.array(first_batches(LENGTHS, 16, 40)).reshape(2, 320)
    other = np.array(first_batches(LENGTHS, 16, 20, seed=1)).reshape(320)
    assert len({tuple(epoch) for epoch in [*epochs, other]}) == 3


def test_the_same_seed_repeats_the_batches():
    first, again = (np.array(first_batches(LENGTHS, 16, 40)) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_batches_are_of_like_length_and_do_not_come_in_the_order_of_length():
    longest = [LENGTHS[batch].max() for batch in first_batches(LENGTHS, 16, 20)]
    spread = [np.ptp(LENGTHS[batch]) for batch in first_batches(LENGTHS, 16, 20)]
    # Windows of five batches: a batch has about a fifth of the range of 97 lengths.
    assert np.mean(spread) < 97 / 4
    assert longest != sorted(longest) and longest != sorted(longest, reverse=True)


def test_the_mean_of_the_batches_of_an_epoch_is_the_mean_of_the_examples():
    # What stands for a gradient depends on the length, the worst case of such batches.
    gradients = LENGTHS.astype(np.float64) ** 2
    means = [gradients[batch].mean() for batch in first_batches(LENGTHS, 16, 20)]
    assert np.mean(means) == pytest.approx(gradients.mean(), rel=1e-12)


def test_a_short_epoch_is_not_sorted_as_a_whole():
    assert length_batches.window_batches(640, 32) == 5
    assert length_batches.window_batches(32_000, 32) == 16
    assert length_batches.window_batches(10, 32) == 1


def test_widths_are_worth_their_graphs():
    needed = [8, 8, 60]
    # One width of 64 costs 3 x 64; 8 and 64 cost 8 + 8 + 64 and one graph more.
    assert length_batches.chosen_widths(needed, batch_size=1, width_cost=111) == [8, 64]
    assert length_batches.chosen_widths(needed, batch_size=1, width_cost=113) == [64]


def test_every_batch_fits_into_its_width():
    for width_cost in (0, 500, 10**9):
        batches = length_batches.training_batches(
            LENGTHS, batch_size=16, num_steps=40, seed=0, width_cost=width_cost
        )
        assert len(batches) == 40
        for batch in batches:
            assert LENGTHS[batch.rows].max() <= batch.width
            assert batch.width % 8 == 0


def test_predictions_take_every_example_once_the_longest_first():
    batches = length_batches.sorted_batches(np.array([3, 20, 9, 5, 17]), batch_size=2)
    assert [batch.rows.tolist() for batch in batches] == [[1, 4], [2, 3], [0]]
    assert [batch.width for batch in batches] == [24, 16, 8]


def test_no_examples_give_no_batches():
    assert length_batches.sorted_batches(np.array([], int), batch_size=2) == []
