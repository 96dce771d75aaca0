"""A task of a comparison: its data, its model, and how long it is trained."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

Arrays = tuple[Any, np.ndarray]  # inputs of the model, and the labels


@dataclasses.dataclass(frozen=True)
class Task:
    """A classification to learn, of images or of masked words.

    Attributes:
        name: in tables and files.
        load: returns train and held-out (inputs, labels): images float32 [n, height, width, 1] in
            [0, 1] and int32 [n], or the features of records and their masked words.
        build: returns a new Keras model, inputs to logits.
        batch_size: images or sequences a step.
        eval_every_steps: steps between two evaluations on the held-out part.
        num_evaluations: in a run, the last at its end.
        jit_compile: whether a whole step is one XLA program.
        labels_per_row: labels in the loss of each image or sequence.
        plateau: returns the loss, in nats, that must be left behind for a comparison to count.
        about: the data, in words.
        starting_weights: SHA-256 of those a run begins with, "" where they are drawn by its seed.
        data_name: returns what identifies the data where `load` computes them in floating point:
            their last bits differ from processor to processor. None: their bits do.
    """

    name: str
    load: Callable[[], tuple[Arrays, Arrays]]
    build: Callable[[], Any]
    batch_size: int
    eval_every_steps: int
    num_evaluations: int
    jit_compile: bool = False
    labels_per_row: int = 1
    plateau: Callable[[tuple[Arrays, Arrays]], float] | None = None
    about: str = ""
    starting_weights: str = ""
    data_name: Callable[[], str] | None = None

    @property
    def num_train_steps(self) -> int:
        """Steps of a run."""
        return self.eval_every_steps * self.num_evaluations

    @property
    def labels_per_step(self) -> int:
        """Labels in the loss of one step."""
        return self.batch_size * self.labels_per_row
