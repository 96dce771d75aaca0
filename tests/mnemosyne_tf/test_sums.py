import pytest
import tensorflow as tf

from mnemosyne_tf.sums import row_sums

MATRIX = [[1.0, 2.0, 4.0], [8.0, 16.0, 32.0]]


@pytest.mark.parametrize("compiled", [False, True])
def test_sums_of_a_literal_matrix(compiled):
    sums = tf.function(row_sums, jit_compile=compiled)(tf.constant(MATRIX))
    assert sums.numpy().tolist() == [[7.0], [56.0]]


def test_an_infinity_stays_in_its_row():
    matrix = tf.constant([[1.0, float("inf")], [1.0, 1.0]])
    assert row_sums(matrix).numpy().tolist() == [[float("inf")], [2.0]]


def test_gradient_of_a_sum_is_one_everywhere():
    matrix = tf.Variable(MATRIX)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(row_sums(matrix))
    assert tape.gradient(loss, matrix).numpy().tolist() == [[1.0] * 3] * 2
