"""Newton-Schulz moves singular values near one and keeps singular vectors."""

import numpy as np
import pytest
import tensorflow as tf

from mnemosyne_tf import newton_schulz, reference


def orthogonalise(matrix):
    """Of one matrix, a stack of one."""
    return newton_schulz.orthogonalise(matrix[tf.newaxis])[0]


@pytest.mark.parametrize("shape", [(24, 24), (10, 40), (40, 10)])
def test_singular_values_end_near_one(shape):
    matrix = np.random.RandomState(0).randn(*shape).astype(np.float32)
    result = orthogonalise(tf.constant(matrix)).numpy()
    values = np.linalg.svd(result, compute_uv=False)
    # The smallest of a square Gaussian matrix begin far below the rest and may stay lower.
    assert values.max() < 1.3
    assert np.median(values) > 0.65


@pytest.mark.parametrize("shape", [(10, 40), (40, 10)])
def test_singular_vectors_are_kept(shape):
    matrix = np.random.RandomState(1).randn(*shape).astype(np.float32)
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    result = orthogonalise(tf.constant(matrix)).numpy()
    rotated = left.T @ result @ right.T
    np.testing.assert_allclose(rotated - np.diag(np.diag(rotated)), 0.0, atol=1e-4)
    assert (np.diag(rotated) > 0.5).all()


def test_scale_of_the_input_does_not_matter():
    matrix = np.random.RandomState(2).randn(8, 12).astype(np.float32)
    large = orthogonalise(tf.constant(1e4 * matrix)).numpy()
    np.testing.assert_allclose(large, orthogonalise(tf.constant(matrix)).numpy(), atol=1e-5)


def test_matrices_of_a_stack_do_not_see_each_other():
    matrices = np.random.RandomState(4).randn(3, 12, 8).astype(np.float32)
    matrices[1] *= 1e3
    together = newton_schulz.orthogonalise(tf.constant(matrices)).numpy()
    for matrix, result in zip(matrices, together, strict=True):
        np.testing.assert_allclose(result, orthogonalise(tf.constant(matrix)), atol=1e-5)


def test_zero_matrix_stays_zero():
    assert np.array_equal(orthogonalise(tf.zeros([8, 8])).numpy(), np.zeros([8, 8]))


@pytest.mark.parametrize("shape", [(9, 21), (21, 9), (9, 12), (12, 12), (8, 64)])
def test_equals_the_iteration_written_out(shape):
    matrix = np.random.RandomState(3).randn(*shape)
    expected = reference.newton_schulz(matrix, 5)
    result = orthogonalise(tf.constant(matrix, tf.float32)).numpy()
    np.testing.assert_allclose(result, expected, atol=2e-5)


@pytest.mark.parametrize("iterations", [1, 3, 4, 5, 7])
def test_wide_matrix_of_small_singular_values_takes_the_same_iterates(iterations):
    random = np.random.RandomState(5)
    left, _ = np.linalg.qr(random.randn(24, 24))
    right, _ = np.linalg.qr(random.randn(96, 24))
    matrix = (left * np.logspace(0, -3, 24)) @ right.T
    expected = reference.newton_schulz(matrix, iterations)
    stack = tf.constant(matrix[np.newaxis], tf.float32)
    result = newton_schulz.orthogonalise(stack, iterations=iterations)[0]
    assert np.abs(result - expected).max() < 2e-5 * np.abs(expected).max()


@pytest.mark.parametrize("shape", [(24, 24), (10, 40)])
def test_bfloat16_iteration_is_close_and_keeps_the_dtype(shape):
    matrix = tf.constant(np.random.RandomState(6).randn(1, *shape), tf.float32)
    result = newton_schulz.orthogonalise(matrix, dtype=tf.bfloat16)
    assert result.dtype == tf.float32
    difference = result - newton_schulz.orthogonalise(matrix)
    assert 0.0 < np.abs(difference).max() < 0.2 * np.abs(result).max()
    assert np.linalg.svd(result[0], compute_uv=False).max() < 1.4
