import numpy as np
import pytest
import tensorflow as tf

from models.projection import Projection


@pytest.mark.parametrize("inputs, units", [(6, 4), (4, 6), (5, 5), (600, 520)])
def test_gradients_are_those_of_a_matrix_product(inputs, units):
    """Of small integers, whose sums of products are exact in float32."""
    rng = np.random.default_rng(0)
    rows, kernel, gradient = (
        tf.constant(rng.integers(-3, 4, shape), tf.float32)
        for shape in ([2, 3, inputs], [inputs, units], [2, 3, units])
    )
    layer = Projection(units, "zeros")
    layer.build(rows.shape)
    layer.kernel.assign(kernel)
    with tf.GradientTape() as tape:
        tape.watch(rows)
        product = layer(rows)
    of_rows, of_kernel = tape.gradient(product, [rows, layer.kernel], gradient)
    np.testing.assert_array_equal(product, np.einsum("bti,iu->btu", rows, kernel))
    np.testing.assert_array_equal(of_rows, np.einsum("btu,iu->bti", gradient, kernel))
    np.testing.assert_array_equal(of_kernel, np.einsum("bti,btu->iu", rows, gradient))
