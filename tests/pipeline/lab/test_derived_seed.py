import numpy as np

from pipeline.lab.derived_seed import derived_rng, derived_seed


def test_purposes_have_streams_of_their_own_and_seeds_fit_into_32_bits():
    seeds = [derived_seed(7, purpose, index) for purpose in range(3) for index in range(50)]
    assert len(set(seeds)) == 150 and min(seeds) >= 0 and max(seeds) < 2**31 - 2
    assert derived_seed(7, 0, 0) == derived_seed(7, 0, 0) != derived_seed(8, 0, 0)


def test_a_stream_is_that_of_seed_and_purpose():
    expected = np.random.default_rng([7, 1, 2]).random(3)
    np.testing.assert_array_equal(derived_rng(7, 1, 2).random(3), expected)
