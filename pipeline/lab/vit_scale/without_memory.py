"""Variables that take no memory until they are written to, for programs that are never run."""

from __future__ import annotations

import contextlib
import math
import mmap
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

_LEAST_BYTES = 1 << 20  # smaller ones are made as usual


@contextlib.contextmanager
def variables_without_memory() -> Iterator[None]:
    """Makes large float32 variables zeros that the system has promised and not given.

    Their initializers are not run. TensorFlow copies no array that it is given through DLPack, and
    Linux gives a page of an anonymous map when it is first written.
    """

    def create(next_creator, **settings):
        shape, dtype = _shape_and_dtype(settings)
        if shape is not None and dtype == tf.float32:
            size = math.prod(shape)
            if size * dtype.size >= _LEAST_BYTES:
                promised = np.frombuffer(mmap.mmap(-1, size * dtype.size), np.float32)
                settings["initial_value"] = tf.experimental.dlpack.from_dlpack(
                    promised.reshape(shape).__dlpack__()
                )
        return next_creator(**settings)

    with tf.variable_creator_scope(create):
        yield


def _shape_and_dtype(settings: dict) -> tuple[list[int] | None, tf.DType | None]:
    value, shape = settings.get("initial_value"), settings.get("shape")
    if tf.is_tensor(value):
        return value.shape.as_list(), value.dtype
    if shape is None or settings.get("dtype") is None:
        return None, None
    shape = tf.TensorShape(shape)
    known = shape.as_list() if shape.is_fully_defined() else None
    return known, tf.dtypes.as_dtype(settings["dtype"])
