"""The random features estimate the softmax kernel, positively, and are the same everywhere."""

import numpy as np
import pytest
import tensorflow as tf

from mnemosyne_tf.learned import random_features
from mnemosyne_tf.learned.random_features import hyperbolic_features, orthogonal_projection

EPS = float(np.finfo(np.float32).eps)


def features(vectors, projection):
    """Phi as `hyperbolic_features` gives it, with the factor it leaves out."""
    signed = random_features.signed_projection(projection)
    lengths = (vectors**2).sum(axis=-1, keepdims=True)
    phi = hyperbolic_features(tf.constant(vectors @ signed.T), tf.constant(lengths)).numpy()
    return phi / np.sqrt(len(signed))


def pair_at_distance(total, width=8):
    """q = k with |q + k|^2 = total."""
    half = np.zeros([1, width], np.float32)
    half[0, 0] = np.sqrt(total) / 2
    return half, half


@pytest.mark.parametrize("total", [0.5, 1.0, 2.0])
def test_kernel_estimate_is_unbiased_with_the_analytic_deviation(total):
    # 400 independent draws of 16 features; the mean is allowed four standard errors.
    width, num_features, draws = 8, 16, 400
    query, key = pair_at_distance(total, width)
    random = np.random.RandomState(0)
    gaussian = random.randn(draws, num_features // 2, width).astype(np.float32)
    estimates = np.array([(features(query, rows) * features(key, rows)).sum() for rows in gaussian])
    exact = float(np.exp(query[0] @ key[0]))
    predicted = np.sqrt((np.exp(total) - 2 + np.exp(-total)) / num_features)
    assert estimates.mean() == pytest.approx(exact, rel=4 * predicted / np.sqrt(draws))
    assert estimates.std() / exact == pytest.approx(predicted, rel=0.25)


def test_orthogonal_directions_leave_the_estimate_unbiased():
    # 1,000 draws with a relative deviation of at most 0.59 each: four standard errors are 7.5 %.
    query, key = pair_at_distance(2.0)
    draws = (orthogonal_projection(seed, num_features=16, width=8) for seed in range(1000))
    signed = np.stack([random_features.signed_projection(rows) for rows in draws])
    phi = np.exp(signed @ query[0] - 0.5 * query[0] @ query[0]) / 4.0
    assert (phi**2).sum(axis=1).mean() == pytest.approx(np.exp(query[0] @ key[0]), rel=0.075)


def test_directions_are_orthogonal_within_a_block():
    rows = orthogonal_projection(3, num_features=20, width=8).astype(np.float64)
    assert rows.shape == (10, 8)
    gram = rows[:8] @ rows[:8].T
    # Rows of length 3 or so (Gaussian, 8 numbers), rounded to float32.
    lengths = np.sqrt(np.diag(gram))
    atol = 8**0.5 * EPS * lengths.max() ** 2
    np.testing.assert_allclose(gram - np.diag(np.diag(gram)), 0.0, rtol=0, atol=atol)


def test_directions_of_a_seed_never_change():
    rows = orthogonal_projection(0, num_features=4, width=2)
    expected = [[2.0555828, 0.4662879], [-0.2128285, 0.9382329]]
    # Seven digits are given after the point, and float64 is rounded once to float32.
    np.testing.assert_allclose(rows, expected, rtol=EPS, atol=0.5e-7)


def test_features_are_positive():
    projection = orthogonal_projection(1, num_features=8, width=4)
    vectors = np.random.RandomState(0).randn(100, 4).astype(np.float32)
    assert (features(vectors, projection) > 0).all()


def test_queries_and_keys_are_brought_to_length_seven_tenths():
    projection = orthogonal_projection(1, num_features=8, width=4)
    identity = np.eye(4, dtype=np.float32)
    names = ("query", "key", "value")
    tokens = np.random.RandomState(0).randn(5, 4).astype(np.float32)
    query, key, value = random_features.query_key_value(
        {"query": identity, "key": 3.0 * identity, "value": identity},
        tf.constant(tokens),
        names=names,
        projection=projection,
    )
    scaled = 0.7 * tokens / np.linalg.norm(tokens, axis=1, keepdims=True)
    expected = features(scaled, projection) * np.sqrt(8)
    # 1e-6 is added to |q|^2 before the root, which shortens by 5e-7 / |q|^2; the exponents are at
    # most 0.7 times the length of a direction, and the roundings of sums of 4 terms come to them.
    shortest, longest = (
        np.linalg.norm(tokens, axis=1).min(),
        np.linalg.norm(projection, axis=1).max(),
    )
    rtol = 0.7 * longest * (5e-7 / shortest**2 + 8 * EPS) + 8 * EPS
    np.testing.assert_allclose(query.numpy(), expected, rtol=rtol)
    np.testing.assert_allclose(key.numpy(), expected, rtol=rtol)
    # A product with the identity is exact.
    np.testing.assert_array_equal(value.numpy(), np.hstack([tokens, np.ones([5, 1])]))


def test_zero_vector_keeps_length_zero():
    projection = orthogonal_projection(1, num_features=8, width=4)
    zeros = np.zeros([4, 4], np.float32)
    query, _, _ = random_features.query_key_value(
        {"query": zeros, "key": zeros, "value": zeros},
        tf.ones([1, 4]),
        names=("query", "key", "value"),
        projection=projection,
    )
    np.testing.assert_array_equal(query.numpy(), np.ones([1, 8], np.float32))
