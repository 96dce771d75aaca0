"""Newton-Schulz orthogonalisation of a matrix direction.

Source: Jordan et al. 2024 (Muon), the quintic iteration with coefficients 3.4445, -4.7750, 2.0315;
You Jiacheng 2025 (modded-nanogpt), a triple for each iteration.
"""

from collections.abc import Sequence

import tensorflow as tf

from mnemosyne_tf.sums import row_sums

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
# A triple for each of the first iterations; the last one for those beyond.
COEFFICIENT_SETS = {
    "jordan": (COEFFICIENTS,),
    "you": (
        (4.0848, -6.8946, 2.9270),
        (3.9505, -6.3029, 2.6377),
        (3.7418, -5.5913, 2.3037),
        (2.8769, -3.1427, 1.2046),
        (2.8366, -3.0525, 1.2012),
    ),
}
# Keeps the division finite for a zero matrix; far below the norm of any direction that moves.
NORM_EPSILON = 1e-20


# From this ratio of the sides on, products of the small square are cheaper than those of X.
MIN_WIDE_RATIO = 2
# Iterations on A alone before it is made anew from X, and the most that do without.
RESTART_EVERY = 3
LONGEST_PART = 4
# From this side on three blocks of a symmetric product take less time than all of it.
HALVED_FROM = 512


def orthogonalise_blocks(
    matrices: tf.Tensor,
    blocks: tuple[int, int],
    *,
    wide_iterations: int | None = None,
    **settings,
) -> tf.Tensor:
    """Orthogonalises the blocks of a matrix, each by itself.

    Args:
        matrices: `[stack, rows, cols]`.
        blocks: in how many the rows and the columns are cut.
        wide_iterations: of whole matrices, as in `orthogonalise`. Heads are wide, too, but cheap,
            and with fewer iterations a BERT leaves its plateau later.
        **settings: of `orthogonalise`.

    Returns:
        `[stack, rows, cols]`, the same dtype.
    """
    if blocks == (1, 1):
        return orthogonalise(matrices, wide_iterations=wide_iterations, **settings)
    of_rows, of_cols = blocks
    _, rows, cols = matrices.shape
    grid = [-1, of_rows, rows // of_rows, of_cols, cols // of_cols]
    cut = tf.transpose(tf.reshape(matrices, grid), [0, 1, 3, 2, 4])
    moved = orthogonalise(tf.reshape(cut, [-1, grid[2], grid[4]]), **settings)
    joined = tf.reshape(moved, [-1, of_rows, of_cols, grid[2], grid[4]])
    return tf.reshape(tf.transpose(joined, [0, 1, 3, 2, 4]), [-1, rows, cols])


def triples(coefficients: str, iterations: int) -> list[tuple[float, float, float]]:
    """The coefficients of each iteration, of a set by name.

    The first ones of a set raise small singular values, the last two bring all close to one. With
    fewer iterations than triples those in the middle are left out.
    """
    known = COEFFICIENT_SETS[coefficients]
    if iterations < len(known):
        first = max(iterations - 2, 0)
        return [*known[:first], *known[first - iterations :]]
    return [*known, *known[-1:] * (iterations - len(known))]


def orthogonalise(
    matrices: tf.Tensor,
    *,
    iterations: int = 5,
    wide_iterations: int | None = None,
    coefficients: str = "jordan",
    dtype: tf.DType = tf.float32,
) -> tf.Tensor:
    """Moves all singular values of a matrix close to one and keeps its singular vectors.

    X <- a X + (b A + c A A) X with A = X X^T, starting from X = M / |M|. The coefficients give up
    exact convergence for speed: after five iterations of "jordan" the singular values that began
    above about 0.01 of the norm lie between 0.7 and 1.2. A zero matrix stays zero.

    Args:
        matrices: `[stack, rows, cols]`, each by itself.
        iterations: number of iterations, unrolled.
        wide_iterations: of matrices one side of which is at least twice the other; None: the same.
        coefficients: a key of `COEFFICIENT_SETS`.
        dtype: in which to iterate; the norm is taken in float32.

    Returns:
        `[stack, rows, cols]`, the same dtype.
    """
    rows, cols = matrices.shape[1:]
    # The smaller side is squared: A is [min(rows, cols), min(rows, cols)].
    x = tf.linalg.matrix_transpose(matrices) if rows > cols else matrices
    squares = row_sums(tf.reshape(tf.square(matrices), [-1, cols]))
    square = row_sums(tf.reshape(squares, [-1, rows]))
    x = tf.cast(x * tf.math.rsqrt(square + NORM_EPSILON)[:, tf.newaxis], dtype)
    wide = max(rows, cols) >= MIN_WIDE_RATIO * min(rows, cols)
    steps = triples(coefficients, (wide and wide_iterations) or iterations)
    x = _iterate_wide(x, steps) if wide else _iterate(x, steps)
    x = tf.cast(x, matrices.dtype)
    return tf.linalg.matrix_transpose(x) if rows > cols else x


def parts(steps: Sequence) -> list[Sequence]:
    """The iterations on a wide matrix, cut where A is made anew."""
    if len(steps) <= LONGEST_PART:
        return [steps]
    return [steps[i : i + RESTART_EVERY] for i in range(0, len(steps), RESTART_EVERY)]


def symmetric_product(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """The product x y^T, which is symmetric: y is x, or both are polynomials in one such matrix.

    From `HALVED_FROM` rows on the lower left quarter is the upper right one, transposed.

    Args:
        x, y: `[stack, rows, cols]`.

    Returns:
        `[stack, rows, rows]`.
    """
    rows = x.shape[1]
    if not is_halved(rows):
        return tf.matmul(x, y, transpose_b=True)
    (top, bottom), (left, right) = tf.split(x, 2, axis=1), tf.split(y, 2, axis=1)
    corner = tf.matmul(top, right, transpose_b=True)
    above = tf.concat([tf.matmul(top, left, transpose_b=True), corner], axis=2)
    under = [tf.linalg.matrix_transpose(corner), tf.matmul(bottom, right, transpose_b=True)]
    return tf.concat([above, tf.concat(under, axis=2)], axis=1)


def is_halved(rows: int) -> bool:
    """Whether a symmetric product of so many rows is made of three blocks of half the rows."""
    return rows >= HALVED_FROM and rows % 2 == 0


def _iterate(x: tf.Tensor, steps: Sequence[tuple[float, float, float]]) -> tf.Tensor:
    for a, b, c in steps:
        gram = symmetric_product(x, x)
        x = a * x + tf.matmul(b * gram + c * symmetric_product(gram, gram), x)
    return x


def _iterate_wide(x: tf.Tensor, steps: Sequence[tuple[float, float, float]]) -> tf.Tensor:
    """The same iterates by way of A: with P = a I + b A + c A A, X <- P X makes A <- P A P.

    All are polynomials in the first A and commute. Small eigenvalues of A lose digits in each
    iteration, so after some the products are applied to X and A is made anew: as exact as the
    iteration on X, with two thirds of its operations at 768 x 3072.
    """
    identity = tf.eye(x.shape[1], dtype=x.dtype)
    for part in parts(steps):
        gram = symmetric_product(x, x)
        product = None
        for step, (a, b, c) in enumerate(part):
            polynomial = a * identity + b * gram + c * symmetric_product(gram, gram)
            product = polynomial if product is None else symmetric_product(polynomial, product)
            if step < len(part) - 1:
                gram = symmetric_product(symmetric_product(polynomial, gram), polynomial)
        x = tf.matmul(product, x)
    return x
