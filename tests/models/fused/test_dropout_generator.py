"""The bits of dropout: the same everywhere, and independent wherever two of them meet."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from numeric_bounds import chance

from models.fused.dropout import dropped, site_key

SIZE = 200_000


def mask(seed=(1, 2), site=0, rate=0.5, shape=(SIZE,)):
    key = site_key(tf.constant(seed, tf.int32), site)
    return dropped(tf.ones(shape), key, rate).numpy() == 0


def assert_unrelated(masks):
    """Two independent masks of rate 1/2 agree on half of their elements."""
    pairs = list(itertools.combinations(masks, 2))
    bound = chance(SIZE, 0.5, comparisons=len(pairs))
    for one, other in pairs:
        assert abs((one == other).mean() - 0.5) < bound


def test_mask_is_the_same_in_every_mode(as_in_mode):
    def made(seed):
        return dropped(tf.ones([40, 50]), site_key(seed, 3), 0.1)

    np.testing.assert_array_equal(as_in_mode(made)(tf.constant([7, 8])), made(tf.constant([7, 8])))


def test_bits_of_a_key_and_four_elements_are_those_of_the_definition():
    def permuted(x):
        x = (x ^ x >> 16) * 0x7FEB352D % 2**32
        x = (x ^ x >> 15) * 0x846CA68B % 2**32
        return x ^ x >> 16

    def word(counter, key):
        return permuted(permuted(counter ^ key[0]) ^ key[1])

    seed, site = (-1, 5), 3
    key = [word(2 * site + half, (2**32 - 1, 5)) for half in (0, 1)]
    np.testing.assert_array_equal(site_key(tf.constant(seed), site), key)
    dropped_first = [word(index, key) < 2**31 for index in range(64)]
    np.testing.assert_array_equal(mask(seed, site, shape=(64,)), dropped_first)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_share_dropped_is_the_rate(rate):
    assert abs(mask(rate=rate).mean() - rate) < chance(SIZE, rate, comparisons=3)


def test_masks_of_sites_are_unrelated():
    assert_unrelated([mask(site=site) for site in range(8)])


@pytest.mark.parametrize("word", [0, 1])
def test_masks_of_seeds_that_share_high_or_low_bits_are_unrelated(word):
    values = [0, 1, 2, 3, 2**16, 2**24, 2**30]
    seeds = [(value, 9) if word == 0 else (9, value) for value in values]
    assert_unrelated([mask(seed) for seed in seeds])


def test_masks_of_seeds_with_their_words_exchanged_are_unrelated():
    assert_unrelated([mask((3, 4)), mask((4, 3)), mask((3, 3)), mask((4, 4))])


def test_no_mask_is_another_one_reordered():
    # Of one round, the mask of a key is that of another with element i at i ^ difference.
    counts = [mask((0, step), rate=0.1).reshape(-1, 8).sum(1) for step in range(2)]
    first, second = (each[: 2**14] for each in counts)
    for shift in range(14):
        moved = second[np.arange(2**14) ^ (1 << shift)]
        correlation = np.corrcoef(first, moved)[0, 1]
        # Of n independent pairs, its standard deviation is 1 / sqrt(n): as a mean of signs.
        assert abs(correlation) < 2 * chance(2**14, 0.5, comparisons=14)


@pytest.mark.parametrize("distance", [1, 2, 3, 4, 16, 64, 128, 256, 1024, 4096])
def test_neighbours_are_independent(distance):
    dropped_here = mask(rate=0.5)
    agreeing = (dropped_here[distance:] == dropped_here[:-distance]).mean()
    assert abs(agreeing - 0.5) < chance(SIZE - distance, 0.5, comparisons=10)


def test_rows_of_a_tensor_drop_equally_often():
    counts = mask(rate=0.1, shape=(500, 400)).mean(1)
    assert np.abs(counts - 0.1).max() < chance(400, 0.1, comparisons=500)


def test_runs_of_elements_have_the_spread_of_a_binomial():
    counts = mask(rate=0.5).reshape(-1, 16).sum(1)
    # The variance of n counts has a standard deviation of about variance * sqrt(2 / n); 4.9 of it.
    assert abs(counts.var() / 4 - 1) < 4.9 * np.sqrt(2 / len(counts))
