import numpy as np
import pytest

from models.t5.relative_positions import bucket_of_distance, relative_buckets


def published(distance, is_causal, num_buckets=32, max_distance=128):
    """The formula of the code that was released with T5, in its own float32; key minus query."""
    result = np.zeros_like(distance)
    n = -distance
    if not is_causal:
        num_buckets //= 2
        result += (n < 0) * num_buckets
        n = np.abs(n)
    else:
        n = np.maximum(n, 0)
    exact = num_buckets // 2
    with np.errstate(divide="ignore"):
        logarithm = np.log(n.astype(np.float32) / np.float32(exact))
    far = logarithm / np.float32(np.log(max_distance / exact)) * np.float32(num_buckets - exact)
    far = exact + np.where(n < exact, 0, far).astype(np.int32)
    return result + np.where(n < exact, n, np.minimum(far, num_buckets - 1))


@pytest.mark.parametrize("is_causal", [False, True])
def test_buckets_are_those_of_the_released_code(is_causal):
    found = relative_buckets(
        300, 310, is_causal=is_causal, num_buckets=32, max_distance=128
    ).numpy()
    distance = np.arange(310)[None] - np.arange(300)[:, None]
    np.testing.assert_array_equal(found, published(distance, is_causal))


def test_half_of_the_buckets_are_exact_and_the_others_grow():
    assert bucket_of_distance(8, 16).tolist() == [0, 1, 2, 3, 4, 4, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7, 7]


def test_both_directions_differ_where_it_is_not_causal():
    found = relative_buckets(3, 3, is_causal=False, num_buckets=32, max_distance=128).numpy()
    assert found.tolist() == [[0, 17, 18], [1, 0, 17], [2, 1, 0]]


def test_a_causal_stack_has_one_bucket_for_all_that_comes_after():
    found = relative_buckets(3, 3, is_causal=True, num_buckets=32, max_distance=128).numpy()
    assert found.tolist() == [[0, 0, 0], [1, 0, 0], [2, 1, 0]]
