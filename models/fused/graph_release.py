"""Lets go of the graphs of a model that is done with.

TensorFlow 2.21 keeps the gradient function of every call of a `tf.custom_gradient` in a graph for
as long as the process lives, and with it the graph (tensorflow/tensorflow issue 97697). The blocks
of this package have such gradients, so a process that trains one model after the other would keep
the graphs of all: BERT-mini with Mnemosyne 175 MB each, without them 17 MB.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

from tensorflow.python.framework import ops

_PREFIX = "CustomGradient-"  # of the names that `tf.custom_gradient` draws


@contextlib.contextmanager
def graphs_released_at_end() -> Iterator[None]:
    """Within it models are made, trained and used; at its end their graphs can be collected.

    A function that was traced within still runs afterwards; a gradient through it can no longer be
    taken.

    Differs: there is no public name for this; `tf_keras.backend.clear_session()` leaves the
    gradients where they are.
    """
    before = set(_registered())
    try:
        yield
    finally:
        registered = _registered()
        for name in [each for each in registered if each not in before]:
            if name.startswith(_PREFIX):
                del registered[name]
        gc.collect()  # a graph and its operations refer to each other


def _registered() -> dict:
    # Of a TensorFlow that keeps it elsewhere nothing is released, and nothing breaks.
    return getattr(ops.gradient_registry, "_registry", {})
