import numpy as np
import pytest
from numeric_bounds import chance

from data_prep.examples.rng import RandomWords, seed_of


def test_the_stream_of_a_seed_never_changes():
    # If this fails, every corpus comes out differently: that needs a line in the changelog.
    assert RandomWords(5).uint64(2).tolist() == [12614612106463595544, 746723346124915927]


def test_a_seed_depends_on_every_part():
    assert len({seed_of(1, "a"), seed_of(1, "b"), seed_of(2, "a"), seed_of("1", "a", "")}) == 4
    assert seed_of(1, "a") == seed_of(1, "a") < 2**128


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_calls_give_as_many_words_as_asked(count):
    words = RandomWords(1)
    assert len(words.uint32(count)) == len(words.uint64(count)) == count
    assert len(words.permutation(count)) == count


def test_numbers_below_a_bound_are_even():
    drawn = RandomWords(2).below(7, 70_000)
    fractions = np.bincount(drawn, minlength=7) / 70_000
    assert np.abs(fractions - 1 / 7).max() < chance(70_000, 1 / 7, comparisons=7)


def test_a_permutation_holds_every_number_once():
    assert sorted(RandomWords(3).permutation(1_000).tolist()) == list(range(1_000))


def test_heads_lie_between_none_and_all_flips():
    flips = np.array([0, 1, 5, 0, 64, 200_000])
    heads = RandomWords(4).heads(flips)
    assert (heads[[0, 3]] == 0).all()
    assert ((heads >= 0) & (heads <= flips)).all()
    assert abs(heads[-1] / 200_000 - 0.5) < chance(200_000, 0.5)


def test_flips_of_coins_are_not_shared():
    heads = RandomWords(6).heads(np.full(20_000, 2))
    fractions = np.bincount(heads, minlength=3) / 20_000
    for fraction, probability in zip(fractions, (0.25, 0.5, 0.25), strict=True):
        assert abs(fraction - probability) < chance(20_000, probability, comparisons=3)
