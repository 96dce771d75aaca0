"""Tensors of a TensorFlow checkpoint by name, read and written without a graph.

A checkpoint of TF1 names its tensors by their variable. One of TF2 names them by the path of
objects to them, and records the variable's name with each.
"""

from __future__ import annotations

import dataclasses
import math
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import trackable_object_graph_pb2

_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
_NOT_OF_THE_MODEL = ("optimizer/", ".OPTIMIZER_SLOT")


@dataclasses.dataclass(frozen=True)
class CheckpointTensor:
    """A tensor of a checkpoint that was not read yet.

    Attributes:
      reader: of TensorFlow.
      file: the checkpoint's path without endings.
      name: of the variable.
      key: of the tensor in the checkpoint.
      shape: of the index.
      dtype: of the index.
    """

    reader: Any
    file: str
    name: str
    key: str
    shape: tuple[int, ...]
    dtype: tf.DType

    def read(self) -> np.ndarray:
        """Returns the values as float32.

        Raises:
          ValueError: the file is damaged, or the numbers are not finite.
        """
        try:
            values = self.reader.get_tensor(self.key)
        except tf.errors.OpError as error:
            raise ValueError(
                f"{self.file}: tensor {self.name}: expected a whole checkpoint, received "
                f"{_first_line(error)}. Copy the files again."
            ) from error
        values = np.asarray(values, np.float32)
        if not np.isfinite(values).all():
            raise ValueError(
                f"{self.file}: tensor {self.name}: expected finite numbers, received "
                f"{np.count_nonzero(~np.isfinite(values)):,} that are not"
            )
        return values


def checkpoint_tensors(prefix: pathlib.Path) -> dict[str, CheckpointTensor]:
    """Reads the index of a checkpoint: its floating-point tensors by the name of the variable.

    Args:
      prefix: the path without `.index`.

    Raises:
      ValueError: the index is damaged, or promises more than the data files hold.
    """
    try:
        reader = tf.train.load_checkpoint(str(prefix))
        shapes, dtypes = reader.get_variable_to_shape_map(), reader.get_variable_to_dtype_map()
        names = _names(reader) if _OBJECT_GRAPH in shapes else {key: key for key in shapes}
    except (tf.errors.OpError, ValueError) as error:
        raise ValueError(
            f"{prefix}.index: expected the index of a TensorFlow checkpoint, received "
            f"{_first_line(error)}"
        ) from error
    tensors = {
        name: CheckpointTensor(reader, str(prefix), name, key, tuple(shapes[key]), dtypes[key])
        for key, name in names.items()
        if key in shapes and dtypes[key].is_floating
    }
    _check_size(prefix, tensors)
    return tensors


def write_checkpoint(prefix: pathlib.Path, tensors: Mapping[str, np.ndarray]) -> None:
    """Writes a checkpoint as `tf.compat.v1.train.Saver` reads it."""
    names = sorted(tensors)
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=names,
        shape_and_slices=[""] * len(names),
        tensors=[np.asarray(tensors[name], np.float32) for name in names],
    )


def _names(reader: Any) -> dict[str, str]:
    """Key of the checkpoint -> name of the variable, of what is no state of an optimizer."""
    graph = trackable_object_graph_pb2.TrackableObjectGraph()
    graph.ParseFromString(reader.get_tensor(_OBJECT_GRAPH))
    return {
        value.checkpoint_key: value.full_name
        for node in graph.nodes
        for value in node.attributes
        if value.full_name and not any(part in value.checkpoint_key for part in _NOT_OF_THE_MODEL)
    }


def _check_size(prefix: pathlib.Path, tensors: Mapping[str, CheckpointTensor]) -> None:
    promised = sum(math.prod(each.shape) * each.dtype.size for each in tensors.values())
    files = prefix.parent.glob(f"{prefix.name}.data-*")
    held = sum(file.stat().st_size for file in files)
    if promised > held:
        raise ValueError(
            f"{prefix}.data-*: expected {promised:,} bytes, as its index says, received {held:,}. "
            "Copy the files again."
        )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
