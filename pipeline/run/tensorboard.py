"""Scalars for TensorBoard, without the package tensorboard."""

from __future__ import annotations

import os
from collections.abc import Mapping

import tensorflow as tf


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
