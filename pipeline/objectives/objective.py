"""What the training story must know of a model and its loss, and leaves to them."""

from __future__ import annotations

import os
import pathlib
from typing import Protocol

import tf_keras as keras

from data_prep import features as records
from models import BertConfig
from models.batch_losses import BatchLosses
from models.t5 import T5Config
from pipeline.data.batch_shape import BatchShape
from pipeline.recipes.loader import Recipe
from pipeline.recipes.train_section import TrainConfig

Config = BertConfig | T5Config


class Objective(Protocol):
    """One kind of model and what it is trained to do.

    Attributes:
      family: of the model, as people call it.
      losses: of a batch.
      judged_by: the held-out mean whose lowest value makes a checkpoint the best.
    """

    family: str
    losses: BatchLosses
    judged_by: str

    def config(self, recipe: Recipe, manifest: records.Manifest) -> Config:
        """Returns the sizes of the model.

        Raises:
          ValueError: the recipe names no size that there is.
        """

    def config_of_run(self, run: pathlib.Path) -> Config:
        """Returns the sizes of the model of another run, for weights to begin with.

        Raises:
          ValueError: that model is of another family.
        """

    def model(self, config: Config, train: TrainConfig) -> keras.Model:
        """Makes the model, called as `model(features, training=..., dropout_seed=...)`."""

    def training_flops(self, config: Config, shape: BatchShape) -> int:
        """Returns the operations of a training step."""

    def begin_folder(self, run: pathlib.Path, config: Config) -> None:
        """Writes into the run folder what checkpoints need to become a model again."""

    def finish_folder(self, run: pathlib.Path, model: keras.Model) -> None:
        """Writes the trained model for those who do not read checkpoints, if there are any."""


def refuse_other_family(run: str | os.PathLike, expected: str, received: str) -> ValueError:
    """Returns the error for weights to begin with that are of another family."""
    return ValueError(
        f"train.initial_run must be a run of a {expected}, {run} is one of a {received}. Name "
        "another, or leave train.initial_run empty."
    )
