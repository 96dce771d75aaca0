"""Newton-Schulz moves singular values near one and keeps singular vectors."""

import numpy as np
import pytest
import tensorflow as tf

from mnemosyne_tf import newton_schulz, reference

ROUNDOFF = float(np.finfo(np.float32).eps) / 2


def error_bound(matrix, iterations=5, coefficients="jordan"):
    """Frobenius norm of what rounding can do to the iterates of a matrix, to first order.

    Singular values move by p(s) = a s + b s^3 + c s^5. An error that mixes two singular vectors is
    multiplied, from one iterate to the last, by (end_i +- end_j) / (s_i +- s_j) (divided
    differences, Daleckii and Krein; they telescope over the iterations), one that leaves their span
    by end_i / s_i. An iterate X is off by |X| times the root of the longest sum (Higham and Mary
    2019), times the roundoff.
    """
    values = np.linalg.svd(np.float64(matrix), compute_uv=False)
    iterates = [values / np.linalg.norm(values)]
    for a, b, c in newton_schulz.triples(coefficients, iterations):
        s = iterates[-1]
        iterates.append(a * s + b * s**3 + c * s**5)
    end, bound = iterates[-1], 0.0
    first, second = np.triu_indices(len(values), 1)
    for s in iterates[:-1]:
        factors = [
            (end[first] - end[second]) / (s[first] - s[second]),
            (end[first] + end[second]) / (s[first] + s[second]),
            end / s,
        ]
        bound += np.abs(np.concatenate(factors)).max() * np.linalg.norm(s)
    return bound * max(matrix.shape) ** 0.5 * ROUNDOFF


def assert_close(result, expected, matrix, **kwargs):
    error = np.linalg.norm(np.float64(result) - np.float64(expected))
    assert error <= error_bound(matrix, **kwargs)


def orthogonalise(matrix):
    """Of one matrix, a stack of one."""
    return newton_schulz.orthogonalise(matrix[tf.newaxis])[0]


@pytest.mark.parametrize("shape", [(24, 24), (10, 40), (40, 10)])
def test_singular_values_end_near_one(shape):
    matrix = np.random.RandomState(0).randn(*shape).astype(np.float32)
    result = orthogonalise(tf.constant(matrix)).numpy()
    values = np.linalg.svd(result, compute_uv=False)
    # They begin below 1, and p maps [0, 1.2025] into itself: its maximum there is 1.2024, at
    # 0.5545. Rounding is far below the rest of 1.3. The smallest of a square Gaussian matrix begin
    # far below the others and may stay lower.
    assert values.max() < 1.3
    assert np.median(values) > 0.65


@pytest.mark.parametrize("shape", [(10, 40), (40, 10)])
def test_singular_vectors_are_kept(shape):
    matrix = np.random.RandomState(1).randn(*shape).astype(np.float32)
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    result = orthogonalise(tf.constant(matrix)).numpy()
    rotated = left.T @ result @ right.T
    assert_close(rotated - np.diag(np.diag(rotated)), np.zeros_like(rotated), matrix)
    assert (np.diag(rotated) > 0.5).all()


def test_scale_of_the_input_does_not_matter():
    matrix = np.random.RandomState(2).randn(8, 12).astype(np.float32)
    large = orthogonalise(tf.constant(1e4 * matrix)).numpy()
    assert_close(large, orthogonalise(tf.constant(matrix)).numpy(), matrix)


def test_matrices_of_a_stack_do_not_see_each_other():
    matrices = np.random.RandomState(4).randn(3, 12, 8).astype(np.float32)
    matrices[1] *= 1e3
    together = newton_schulz.orthogonalise(tf.constant(matrices)).numpy()
    for matrix, result in zip(matrices, together, strict=True):
        assert_close(result, orthogonalise(tf.constant(matrix)), matrix)


def test_zero_matrix_stays_zero():
    assert np.array_equal(orthogonalise(tf.zeros([8, 8])).numpy(), np.zeros([8, 8]))


@pytest.mark.parametrize("shape", [(9, 21), (21, 9), (9, 12), (12, 12), (8, 64)])
def test_equals_the_iteration_written_out(shape):
    matrix = np.random.RandomState(3).randn(*shape)
    expected = reference.newton_schulz(matrix, 5)
    result = orthogonalise(tf.constant(matrix, tf.float32)).numpy()
    assert_close(result, expected, matrix)


@pytest.mark.parametrize("iterations", [1, 3, 4, 5, 7])
def test_wide_matrix_of_small_singular_values_takes_the_same_iterates(iterations):
    random = np.random.RandomState(5)
    left, _ = np.linalg.qr(random.randn(24, 24))
    right, _ = np.linalg.qr(random.randn(96, 24))
    matrix = (left * np.logspace(0, -3, 24)) @ right.T
    expected = reference.newton_schulz(matrix, iterations)
    stack = tf.constant(matrix[np.newaxis], tf.float32)
    result = newton_schulz.orthogonalise(stack, iterations=iterations)[0]
    assert_close(result, expected, matrix, iterations=iterations)


@pytest.mark.parametrize("shape", [(24, 24), (12, 17), (10, 40), (40, 10)])
def test_symmetric_products_by_halves_give_the_same_iterates(monkeypatch, shape):
    monkeypatch.setattr(newton_schulz, "HALVED_FROM", 8)
    matrices = np.random.RandomState(9).randn(2, *shape)
    result = newton_schulz.orthogonalise(tf.constant(matrices, tf.float32))
    for matrix, of_stack in zip(matrices, result, strict=True):
        assert_close(of_stack, reference.newton_schulz(matrix, 5), matrix)


@pytest.mark.parametrize("shape", [(24, 24), (10, 40)])
def test_bfloat16_iteration_is_close_and_keeps_the_dtype(shape):
    matrix = tf.constant(np.random.RandomState(6).randn(1, *shape), tf.float32)
    # Compiled by XLA, as an update is. Op by op, TensorFlow 2.21 asks the CPU for bfloat16 and
    # oneDNN its ISA limit: with ONEDNN_MAX_CPU_ISA=AVX2 on a newer processor the process crashes.
    compiled = tf.function(newton_schulz.orthogonalise, jit_compile=True)
    result = compiled(matrix, dtype=tf.bfloat16)
    assert result.dtype == tf.float32
    # Five iterations of three products, each off by 2^-9 times the root of up to 40 terms, of the
    # largest entry: 0.19. Singular values stay below 1.2025 of the exact map times that.
    difference = result - newton_schulz.orthogonalise(matrix)
    assert 0.0 < np.abs(difference).max() < 0.2 * np.abs(result).max()
    assert np.linalg.svd(result[0], compute_uv=False).max() < 1.4


@pytest.mark.parametrize("iterations", [1, 3, 4, 5, 6])
@pytest.mark.parametrize("shape", [(12, 12), (9, 21), (64, 8)])
def test_coefficients_of_each_iteration_equal_the_iteration_written_out(shape, iterations):
    matrix = np.random.RandomState(8).randn(*shape)
    expected = reference.newton_schulz(matrix, iterations, "you")
    settings = {"iterations": iterations, "coefficients": "you"}
    stack = tf.constant(matrix[np.newaxis], tf.float32)
    result = newton_schulz.orthogonalise(stack, **settings)[0]
    assert_close(result, expected, matrix, **settings)


def test_of_fewer_iterations_than_triples_the_last_two_are_kept():
    known = newton_schulz.COEFFICIENT_SETS["you"]
    for count, expected in {
        1: [4],
        2: [3, 4],
        3: [0, 3, 4],
        4: [0, 1, 3, 4],
        6: [0, 1, 2, 3, 4, 4],
    }.items():
        assert newton_schulz.triples("you", count) == [known[index] for index in expected]
    assert newton_schulz.triples("jordan", 3) == [newton_schulz.COEFFICIENTS] * 3


def test_wide_matrices_have_a_number_of_iterations_of_their_own():
    random = np.random.RandomState(10)
    for shape, iterations in (((12, 12), 5), ((12, 23), 5), ((12, 24), 2), ((24, 12), 2)):
        matrix = random.randn(*shape)
        stack = tf.constant(matrix[np.newaxis], tf.float32)
        result = newton_schulz.orthogonalise(stack, iterations=5, wide_iterations=2)[0]
        expected = reference.newton_schulz(matrix, iterations)
        assert_close(result, expected, matrix, iterations=iterations)


def test_wide_blocks_have_the_iterations_of_all_others():
    matrix = np.random.RandomState(10).randn(12, 16)
    stack = tf.constant(matrix[np.newaxis], tf.float32)
    result = newton_schulz.orthogonalise_blocks(stack, (1, 4), iterations=5, wide_iterations=2)
    expected = reference.newton_schulz(matrix[:, :4], 5)
    assert_close(result[0, :, :4], expected, matrix[:, :4], iterations=5)


@pytest.mark.parametrize("blocks", [(3, 1), (1, 2), (3, 2)])
def test_blocks_are_orthogonalised_by_themselves(blocks):
    matrices = np.random.RandomState(11).randn(2, 24, 16).astype(np.float32)
    result = newton_schulz.orthogonalise_blocks(tf.constant(matrices), blocks).numpy()
    rows, cols = 24 // blocks[0], 16 // blocks[1]
    for index in range(2):
        for top in range(0, 24, rows):
            for left in range(0, 16, cols):
                place = (index, slice(top, top + rows), slice(left, left + cols))
                assert_close(result[place], orthogonalise(matrices[place]), matrices[place])
