import pytest
import tensorflow as tf

from mnemosyne_tf import sums

MATRIX = [[1.0, 2.0, 4.0], [8.0, 16.0, 32.0]]


@pytest.mark.parametrize("compiled", [False, True])
def test_sums_of_a_literal_matrix(compiled):
    both = tf.function(
        lambda matrix: (sums.row_sums(matrix), sums.column_sums(matrix)), jit_compile=compiled
    )
    rows, columns = both(tf.constant(MATRIX))
    assert rows.numpy().tolist() == [[7.0], [56.0]]
    assert columns.numpy().tolist() == [[9.0, 18.0, 36.0]]


def test_an_infinity_stays_in_its_row_and_column():
    matrix = tf.constant([[1.0, float("inf")], [1.0, 1.0]])
    assert sums.row_sums(matrix).numpy().tolist() == [[float("inf")], [2.0]]
    assert sums.column_sums(matrix).numpy().tolist() == [[2.0, float("inf")]]


def test_gradient_of_a_sum_is_one_everywhere():
    matrix = tf.Variable(MATRIX)
    for total in (sums.row_sums, sums.column_sums):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(total(matrix))
        assert tape.gradient(loss, matrix).numpy().tolist() == [[1.0] * 3] * 2
