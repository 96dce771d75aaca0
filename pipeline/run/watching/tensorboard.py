"""Scalars for TensorBoard: event files, and those of a training run."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Mapping

import tensorflow as tf

_REMEDY = "Install it ('pip install tensorboard'), or pass --set train.tensorboard=false."


class ScalarWriter:
    """Writes scalars into an event file.

    Args:
      directory: where TensorBoard looks; made if it is not there.
    """

    def __init__(self, directory: str | os.PathLike):
        self._writer = tf.summary.create_file_writer(str(directory))

    def write(self, values: Mapping[str, float], step: int) -> None:
        """Writes each value under its name and the number of the step."""
        # What `tf.summary.scalar` does, which needs the package tensorboard only to say this.
        scalars = tf.compat.v1.SummaryMetadata.PluginData(plugin_name="scalars")
        metadata = tf.compat.v1.SummaryMetadata(plugin_data=scalars)
        with self._writer.as_default():
            for tag, value in values.items():
                value = tf.constant(value, tf.float32)
                tf.summary.write(tag, value, step=step, metadata=metadata)
        self._writer.flush()


class RunScalars:
    """Writes the scalars of a run, each split into a folder, so that curves lie over each other.

    Args:
      directory: of `train` and `heldout`, what `tensorboard --logdir` is given.
    """

    def __init__(self, directory: str | os.PathLike):
        self._directory = str(directory)
        self._writers: dict[str, ScalarWriter] = {}

    def write(self, split: str, values: Mapping[str, float], step: int) -> None:
        """Writes each value of a split under its name and the number of the step."""
        if split not in self._writers:
            self._writers[split] = ScalarWriter(os.path.join(self._directory, split))
        self._writers[split].write(values, step)


def open_scalars(directory: str | os.PathLike, *, wanted: bool) -> RunScalars | None:
    """Returns a writer into `directory`, None where none is wanted; says so if none can look.

    Args:
      directory: of the event files.
      wanted: `train.tensorboard` of the recipe.
    """
    if not wanted:
        return None
    if importlib.util.find_spec("tensorboard") is None:
        print(
            f"pretrain: scalars go to {directory}, but the package tensorboard, which shows them, "
            f"cannot be imported. {_REMEDY}",
            file=sys.stderr,
        )
    return RunScalars(directory)
