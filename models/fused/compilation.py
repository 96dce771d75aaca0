"""One definition for every device: compiled by itself in a graph, inlined in a larger program.

On a CPU, XLA is good at loops over elements and oneDNN at matrix products, those of the backward
pass above all. So a training step there is an ordinary graph, whose products run in oneDNN, and
what stands between them is compiled by XLA, one small program each. On GPU and TPU the whole step
is one XLA program; a function that is compiled by itself is inlined where another one calls it.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
from collections.abc import Callable, Iterator

import tensorflow as tf

_shapes_may_be_unknown = contextvars.ContextVar("shapes_may_be_unknown", default=False)


def call(function: Callable, *tensors: tf.Tensor, **settings):
    """Calls `function(*tensors, **settings)`, compiled where that pays.

    Eagerly, and where a shape is not known before the call (sentences of any length), the
    operations run one by one: XLA would compile them again for every shape, which pays where few
    shapes come often (`compiled_at_unknown_shapes`). Results are the same but for the order of
    roundings.

    Args:
      function: of tensors only; it reads no variable, since under a distribution strategy a
        compiled function may not look up a variable of another device. A function of a module: what
        is compiled is kept by it and by the shapes, so layers of one size share it.
      *tensors: what it computes with.
      **settings: Python values that the program depends on.
    """
    tensors = [tf.convert_to_tensor(tensor) for tensor in tensors]
    known = all(tensor.shape.is_fully_defined() for tensor in tensors)
    if not tf.executing_eagerly() and (known or _shapes_may_be_unknown.get()):
        return _compiled(function)(*tensors, **settings)
    return function(*tensors, **settings)


@contextlib.contextmanager
def compiled_at_unknown_shapes() -> Iterator[None]:
    """Within it `call` compiles functions of unknown shapes, too, again for each shape that comes.

    For a graph that is traced once and runs at few widths: a graph for each width would hold the
    whole model again, the programs of a width are small.
    """
    token = _shapes_may_be_unknown.set(True)
    try:
        yield
    finally:
        _shapes_may_be_unknown.reset(token)


def float32_rows(tensor: tf.Tensor) -> tf.Tensor:
    """Returns float32 `[rows, width]`: all axes but the last as one.

    XLA sums the columns of such a matrix four times faster than over two axes (CPU, TensorFlow
    2.21, where the summands are computed in the same loop).
    """
    return tf.cast(tf.reshape(tensor, [-1, tensor.shape[-1]]), tf.float32)


@functools.cache
def _compiled(function: Callable) -> tf.types.experimental.PolymorphicFunction:
    return tf.function(function, jit_compile=True, autograph=False)
