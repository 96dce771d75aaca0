import numpy as np
import pytest
import tensorflow as tf

from models.vit.positions import interpolation_matrix, positions_at


@pytest.mark.parametrize(("source", "target"), [(37, 16), (16, 37), (14, 14), (1, 5), (5, 1)])
def test_weights_of_a_point_sum_to_one(source, target):
    # Four weights of magnitude below 2, each a polynomial of degree 3: rounded far below 1e-12.
    np.testing.assert_allclose(interpolation_matrix(source, target).sum(1), 1, rtol=0, atol=1e-12)


def test_the_same_grid_is_left_as_it_is():
    np.testing.assert_array_equal(interpolation_matrix(7, 7), np.eye(7))


def test_halfway_between_two_points_are_the_weights_of_keys():
    # At distance 1/2 the kernel is (12 + 4a) / 16... with a = -3/4: 19/32 near, -3/32 far.
    row = interpolation_matrix(8, 4)[1]
    np.testing.assert_array_equal(row, np.array([0, -3, 19, 19, -3, 0, 0, 0]) / 32)


def test_rows_and_columns_are_told_apart_and_the_class_token_stays():
    grid = np.arange(4.0)[:, None] * 10 + np.zeros(4)
    table = np.concatenate([[[99.0]], grid.reshape(16, 1)])
    found = positions_at(tf.constant(table, tf.float32), 4, 2, 3).numpy()[:, 0]
    assert found[0] == 99
    # The same in a row; over rows the matrix of 4 to 2, whose first row is below.
    first, last = interpolation_matrix(4, 2) @ np.arange(0, 40, 10)
    # float32: sums of 16 terms of at most 30 with weights of magnitude below 1.
    np.testing.assert_allclose(found[1:], [first] * 3 + [last] * 3, rtol=0, atol=30 * 16 * 6e-8)
