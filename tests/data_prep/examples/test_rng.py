import numpy as np
import pytest
from numeric_bounds import chance

from data_prep.examples.rng import RandomStream, philox, seed_of


def test_the_stream_of_a_seed_never_changes():
    # If this fails, every corpus comes out differently: that needs a line in the changelog.
    assert RandomStream(5).uint64(2).tolist() == [12614612106463595544, 746723346124915927]


def test_a_seed_depends_on_every_part():
    assert len({seed_of(1, "a"), seed_of(1, "b"), seed_of(2, "a"), seed_of("1", "a", "")}) == 4
    assert seed_of(1, "a") == seed_of(1, "a") < 2**128


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_calls_give_as_many_numbers_as_asked(count):
    rng = RandomStream(1)
    assert len(rng.uint32(count)) == len(rng.uint64(count)) == count
    assert len(rng.permutation(count)) == count


def test_numbers_below_a_bound_are_even():
    drawn = RandomStream(2).below(7, 70_000)
    fractions = np.bincount(drawn, minlength=7) / 70_000
    assert np.abs(fractions - 1 / 7).max() < chance(70_000, 1 / 7, comparisons=7)


def test_a_permutation_holds_every_number_once():
    assert sorted(RandomStream(3).permutation(1_000).tolist()) == list(range(1_000))


def test_heads_lie_between_none_and_all_flips():
    flips = np.array([0, 1, 5, 0, 64, 200_000])
    heads = RandomStream(4).heads(flips)
    assert (heads[[0, 3]] == 0).all()
    assert ((heads >= 0) & (heads <= flips)).all()
    assert abs(heads[-1] / 200_000 - 0.5) < chance(200_000, 0.5)


def test_flips_of_coins_are_not_shared():
    heads = RandomStream(6).heads(np.full(20_000, 2))
    fractions = np.bincount(heads, minlength=3) / 20_000
    for fraction, probability in zip(fractions, (0.25, 0.5, 0.25), strict=True):
        assert abs(fraction - probability) < chance(20_000, probability, comparisons=3)


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ([0, 0, 0, 0], [0, 0], "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ([2**32 - 1] * 4, [2**32 - 1] * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            [0xA4093822, 0x299F31D0],
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_philox_gives_the_known_answers_of_its_authors(counter, key, expected):
    # Random123 1.14, tests/kat_vectors, philox4x32 with 10 rounds.
    arguments = (counter[0], counter[1], counter[2] | counter[3] << 32, key[0] | key[1] << 32)
    drawn = philox(*map(np.uint64, arguments))
    assert " ".join(f"{int(each):08x}" for each in drawn) == expected
