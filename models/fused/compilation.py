"""One definition for every device: compiled by itself in a graph, inlined in a larger program.

On a CPU, XLA is good at loops over elements and oneDNN at matrix products, those of the backward
pass above all. So a training step there is an ordinary graph, whose products run in oneDNN, and
what stands between them is compiled by XLA, one small program each. On GPU and TPU the whole step
is one XLA program; a function that is compiled by itself is inlined where another one calls it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import tensorflow as tf


def call(function: Callable, *tensors: tf.Tensor, **settings):
    """Calls `function(*tensors, **settings)`, compiled where that pays.

    Eagerly, and where a shape is not known before the call (sentences of any length), the
    operations run one by one: XLA would compile them again for every shape. Results are the same
    but for the order of roundings.

    Args:
      function: of tensors only; it reads no variable, since under a distribution strategy a
        compiled function may not look up a variable of another device. A function of a module: what
        is compiled is kept by it and by the shapes, so layers of one size share it.
      *tensors: what it computes with.
      **settings: Python values that the program depends on.
    """
    tensors = [tf.convert_to_tensor(tensor) for tensor in tensors]
    known = all(tensor.shape.is_fully_defined() for tensor in tensors)
    if tf.executing_eagerly() or not known:
        return function(*tensors, **settings)
    return _compiled(function)(*tensors, **settings)


def float32_rows(tensor: tf.Tensor) -> tf.Tensor:
    """Returns float32 `[rows, width]`: all axes but the last as one.

    XLA sums the columns of such a matrix four times faster than over two axes (CPU, TensorFlow
    2.21, where the summands are computed in the same loop).
    """
    return tf.cast(tf.reshape(tensor, [-1, tensor.shape[-1]]), tf.float32)


@functools.cache
def _compiled(function: Callable) -> tf.types.experimental.PolymorphicFunction:
    return tf.function(function, jit_compile=True, autograph=False)
