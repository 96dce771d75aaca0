"""A position table grows with the word table that it is added to, after each step of a model:

    growth   RMS of the word table after the step, over that before it
    W        <- W * growth^f

A BERT draws both tables alike. The word table, which is read out and pulled one way, then grows to
eight times its size, and positions stay behind: the norm after the sum makes them vanish, and
attention by position forms late. Where words hardly grow, as in weights of an earlier training, the
table stays as it is.

A position table follows the word tables of its own width; without any, as in a Vision Transformer,
it is left alone.

Source: ours, see docs/notebook/2026-11.md.
"""

from collections.abc import Sequence

import tensorflow as tf

from mnemosyne_tf.parameter_roles import POSITION_TABLE, WORD_TABLE
from mnemosyne_tf.sums import row_sums

EXPONENT = "rule/position_growth"


def followers(roles: Sequence[str], shapes: Sequence[Sequence[int]]) -> dict[int, list[int]]:
    """Which position tables follow which word tables.

    Args:
        roles: of the variables of a model.
        shapes: theirs.

    Returns:
        The index of each position table -> the indices of the word tables of its width; position
        tables without any are left out, and scalars.
    """
    words = [index for index, role in enumerate(roles) if role == WORD_TABLE]
    found = {
        index: [word for word in words if shapes[word][-1:] == shapes[index][-1:]]
        for index, role in enumerate(roles)
        if role == POSITION_TABLE and len(shapes[index])
    }
    return {index: followed for index, followed in found.items() if followed}


def root_mean_square(tables: Sequence[tf.Tensor]) -> tf.Tensor:
    """The root mean square of all entries of some tables, float32 `[]`."""
    squares = [tf.square(tf.cast(each, tf.float32)) for each in tables]
    sums = [tf.reduce_sum(row_sums(tf.reshape(each, [-1, each.shape[-1]]))) for each in squares]
    return tf.sqrt(tf.add_n(sums) / float(sum(each.shape.num_elements() for each in tables)))


def grown(
    positions: tf.Tensor, before: tf.Tensor, after: tf.Tensor, exponent: tf.Tensor | float
) -> tf.Tensor:
    """A position table after a step, scaled by the growth of words in it.

    Args:
        positions: any float dtype, after the step.
        before, after: float32 `[]`, root mean square of the word table before and after it; where
            one of them is 0 nothing is scaled.
        exponent: float32 `[]`, the power of the growth; 0 changes nothing.
    """
    measured = tf.logical_and(before > 0.0, after > 0.0)
    growth = tf.math.divide_no_nan(after, before)
    factor = tf.where(measured, tf.pow(tf.where(measured, growth, 1.0), exponent), 1.0)
    return tf.cast(tf.cast(positions, tf.float32) * factor, positions.dtype)
