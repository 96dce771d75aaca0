"""Which weights are judged and kept, where an optimizer trains at others.

Schedule-Free AdamW takes gradients at one point and is to be judged at another, an average.
Held-out losses, checkpoints and so fine-tuning see the average; training steps see the other.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import tensorflow as tf
import tf_keras as keras


@contextlib.contextmanager
def evaluation_weights(
    optimizer: keras.optimizers.Optimizer, variables: Sequence[tf.Variable]
) -> Iterator[None]:
    """While it lasts, the variables hold what is to be judged; of most optimizers, what they held.

    Args:
      optimizer: built.
      variables: the model's trainable variables.
    """
    if not hasattr(optimizer, "resume_training"):
        yield
        return
    optimizer.finalize_variable_values(variables)
    try:
        yield
    finally:
        resume_training(optimizer, variables)


def resume_training(
    optimizer: keras.optimizers.Optimizer, variables: Sequence[tf.Variable]
) -> None:
    """Puts the weights to train at into variables restored from what was kept."""
    if hasattr(optimizer, "resume_training"):
        optimizer.resume_training(variables)
