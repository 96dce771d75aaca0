"""A table of positions at another resolution: cubic interpolation over the grid of patches."""

from __future__ import annotations

import functools

import numpy as np
import tensorflow as tf

# The slope of the kernel; PyTorch's, with which DINOv2 was trained. TensorFlow's and Pillow's
# bicubic have -0.5, so `tf.image.resize` gives other positions.
_CUBIC = -0.75


def positions_at(table: tf.Tensor, grid: int, rows: int, columns: int) -> tf.Tensor:
    """Returns the table for so many rows and columns of patches.

    Args:
      table: `[1 + grid * grid, hidden]`, the class token first, then the patches row by row.
      grid: patches on a side of the table.
      rows, columns: patches of the images, static.

    Returns:
      `[1 + rows * columns, hidden]` in the dtype of the table; the class token as it was.

    Source: Hugging Face transformers, `Dinov2Embeddings.interpolate_pos_encoding`.
    """
    if (rows, columns) == (grid, grid):
        return table
    of_class, of_patches = table[:1], tf.reshape(table[1:], [grid, grid, table.shape[-1]])
    down, across = (
        tf.constant(interpolation_matrix(grid, length), table.dtype) for length in (rows, columns)
    )
    resized = tf.einsum("rg,ch,ghd->rcd", down, across, of_patches)
    return tf.concat([of_class, tf.reshape(resized, [rows * columns, table.shape[-1]])], 0)


@functools.cache
def interpolation_matrix(source: int, target: int) -> np.ndarray:
    """Returns float64 `[target, source]`: the weight of each old point in each new one.

    Every row sums to 1. Points are the middles of equal parts of the same line; beyond its ends the
    last value goes on. Nothing is averaged on the way down, as in PyTorch without `antialias`.

    Source: Keys 1981, "Cubic convolution interpolation for digital image processing".
    """
    middles = (np.arange(target) + 0.5) * (source / target) - 0.5
    matrix = np.zeros((target, source))
    for offset in range(-1, 3):
        points = np.floor(middles).astype(int) + offset
        weights = _kernel(np.abs(middles - points))
        np.add.at(matrix, (np.arange(target), np.clip(points, 0, source - 1)), weights)
    return matrix


def _kernel(distance: np.ndarray) -> np.ndarray:
    near = ((_CUBIC + 2) * distance - (_CUBIC + 3)) * distance**2 + 1
    far = _CUBIC * (((distance - 5) * distance + 8) * distance - 4)
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))
