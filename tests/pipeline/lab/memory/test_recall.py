"""Patterns come back from the memory as kernel attention over all of them would answer."""

import numpy as np
import pytest
from numeric_bounds import rounding

from mnemosyne_tf.learned import random_features
from pipeline.lab.memory.recall import Setting, _attend, features, recall


def test_softmax_of_sharp_queries_finds_every_pattern():
    result = recall(Setting(16, 8, length=4.0), [12], seeds=3, max_queries=12)[12]
    assert result.found_exactly.shape == (3, 12)
    assert result.found_exactly.all()


def test_one_pattern_is_given_back_whatever_is_asked():
    result = recall(Setting(8, 4, length=2.0, noise=5.0), [1], seeds=4, max_queries=3)[1]
    assert result.found.all() and result.found.shape == (4, 1)
    # A value times its weight, divided by that weight: two sums over four features, and the product
    # and the quotient. Features of exponents below 8 are the same on both sides.
    assert result.error.max() < rounding(2 * 4 + 2)


def test_many_features_answer_like_softmax():
    # Length 0.7 and 2,048 features: a deviation of the kernel of at most 5 %.
    few, many = (
        recall(Setting(8, size, length=0.7), [20], seeds=4, max_queries=20)[20].error.mean()
        for size in (8, 2048)
    )
    assert many < 0.06 < few


def test_strong_discount_leaves_only_the_last_pattern():
    result = recall(Setting(8, 64, length=1.0, tau=20.0), [10], seeds=4, max_queries=10)[10]
    assert list(result.ages) == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    for found in (result.found, result.found_exactly):
        assert not found[:, :-1].any() and found[:, -1].all()


def test_patterns_asked_for_are_spread_over_those_stored():
    results = recall(Setting(4, 4, length=1.0), [3, 9], seeds=1, max_queries=5)
    assert {count: list(result.ages) for count, result in results.items()} == {
        3: [2, 1, 0],
        9: [8, 6, 4, 2, 0],
    }


def test_exact_attention_weighs_by_likeness_and_age():
    queries, keys = np.array([[[1.0, 0.0]]]), np.array([[[1.0, 0.0], [0.0, 1.0]]])
    answer = _attend(queries, keys, np.array([[[1.0, 0.0], [0.0, 1.0]]]), tau=0.5)
    older, newer = np.exp(1.0 - 0.5), np.exp(0.0)
    np.testing.assert_allclose(answer, [[[older, newer] / (older + newer)]], rtol=1e-12)


@pytest.mark.parametrize("length", [0.7, 2.0])
def test_features_are_those_of_the_optimizer_at_any_length(length):
    vectors = length * np.eye(4)[None, :2]
    signed = random_features.signed_projection(
        random_features.orthogonal_projection(0, num_features=6, width=4)
    )
    expected = np.exp(vectors[0] @ signed.T - 0.5 * length**2)
    # The exponent, a dot product of four less half a square, is below 4 * length: its error is that
    # much more of the result.
    rtol = rounding(10 * int(4 * length))
    np.testing.assert_allclose(features(vectors, signed[None])[0], expected, rtol=rtol)


def test_directions_owe_nothing_to_the_patterns():
    # From one stream they would share their first numbers, and answers would be too good.
    from pipeline.lab.memory.recall import _draw

    patterns, _, signed = _draw(Setting(8, 16, length=1.0), 8, seed=3)
    cosines = patterns @ (signed / np.linalg.norm(signed, axis=1, keepdims=True)).T
    assert np.abs(cosines).max() < 0.95
