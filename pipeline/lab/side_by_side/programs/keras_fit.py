"""Training by `fit`, as users of Keras do: of Keras 3 for keras-hub, of tf-keras for Hugging Face.

It imports neither, for an interpreter may have but one of them.
"""

from __future__ import annotations

from types import ModuleType

import numpy as np


def adamw(keras: ModuleType, settings: dict):
    """The optimizer of every program, by `keras` or `tf_keras`."""
    return keras.optimizers.AdamW(
        settings["learning_rate"],
        weight_decay=settings["weight_decay"],
        epsilon=1e-6,
        global_clipnorm=settings["clip_norm"],
    )


class Training:
    """`parameters` and `run` as of `measured_program`.

    Args:
        model: compiled.
        batches: without end, as `fit` takes them.
    """

    def __init__(self, model, batches):
        self._model, self._batches = model, batches

    @property
    def parameters(self) -> int:
        """Known after the first step, which makes the weights of some models."""
        return sum(int(np.prod(each.shape)) for each in self._model.trainable_weights)

    def run(self, num_steps: int) -> float:
        """Makes steps; returns their mean loss."""
        history = self._model.fit(self._batches, steps_per_epoch=num_steps, verbose=0)
        return history.history["loss"][-1]
