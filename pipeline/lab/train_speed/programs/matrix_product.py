"""Square matrix products by oneDNN, the rate that a step is compared with. A step is five."""

from __future__ import annotations

import tensorflow as tf

PACKAGES = ("tensorflow",)
PRODUCTS, SIZE = 5, 1024


class MatrixProducts:
    """`run` as of `measured_program`; the loss has no meaning."""

    parameters = 0

    def __init__(self):
        self._square = tf.random.stateless_normal([SIZE, SIZE], [0, 0]) / SIZE**0.5
        self._product = tf.function(tf.matmul)  # without XLA: a product of oneDNN

    def run(self, num_steps: int) -> float:
        """Multiplies."""
        result = self._square
        for _ in range(num_steps * PRODUCTS):
            result = self._product(result, self._square)
        return float(result[0, 0])


def build(settings: dict) -> MatrixProducts:
    """Makes the matrix."""
    return MatrixProducts()


def flops_per_step() -> int:
    """Floating-point operations of a step."""
    return PRODUCTS * 2 * SIZE**3
