"""Our paths against the names of another library: one table, for reading and for writing.

A row is a path of ours, a name of theirs, and how their tensor is laid out. `{i}` stands for the
number of the layer.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from typing import Protocol

import numpy as np

from models import BertConfig
from pipeline.weights.tensors import OPTIONAL, Shape, tensor_shapes

SAME, TRANSPOSED = "same", "transposed"
# A projection to or from the heads, whose axis of width `hidden` is two: heads, width of a head.
TO_HEADS, FROM_HEADS = "to heads", "from heads"

_LAYER = re.compile(r"(?<=layer_)\d+(?=/)")


class ReadableTensor(Protocol):
    """A tensor of a file that was not read yet."""

    file: str
    name: str
    shape: Shape

    def read(self) -> np.ndarray:
        """Returns the values as float32."""


@dataclasses.dataclass(frozen=True)
class NameMap:
    """The table of one layout.

    Attributes:
      origin: whose layout, in words.
      rows: path -> name and layout.
    """

    origin: str
    rows: Mapping[str, tuple[str, str]]

    def named(self, path: str) -> tuple[str, str]:
        """Returns name and layout of a path."""
        number = _LAYER.search(path)
        name, layout = self.rows[_LAYER.sub("{i}", path)]
        return name.format(i=number and number[0]), layout

    def write(self, weights: Mapping[str, np.ndarray], num_heads: int) -> dict[str, np.ndarray]:
        """Returns our arrays in their layout, by their name."""
        written = {}
        for path, array in weights.items():
            name, layout = self.named(path)
            array = array.T if layout == TRANSPOSED else array
            written[name] = array.reshape(_their_shape(array.shape, layout, num_heads))
        return written

    def read(
        self,
        tensors: Mapping[str, ReadableTensor],
        config: BertConfig,
        kind: str,
        num_outputs: int = 0,
    ) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
        """Reads their tensors; all names and shapes are checked before the first value is read.

        Args:
          tensors: by name. None may be left over.
          config: the sizes.
          kind: of the model, see `tensor_shapes`.
          num_outputs: of a classifier.

        Returns:
          Our arrays by path, and the parts of `OPTIONAL` that they do not have.

        Raises:
          ValueError: a tensor is missing, left over or of another shape.
        """
        left, found, missing = dict(tensors), {}, []
        for path, shape in tensor_shapes(config, kind, num_outputs):
            name, layout = self.named(path)
            if name in left:
                tensor = left.pop(name)
                self._check(tensor, path, _theirs(shape, layout, config.num_heads))
                found[path] = (tensor, layout, shape)
            elif path.startswith(OPTIONAL):
                missing.append(path)
            else:
                raise ValueError(
                    f"{_file_of(tensors)}: expected tensor {name} of shape "
                    f"{list(_theirs(shape, layout, config.num_heads))}, it is missing"
                )
        absent = tuple(self._absent(missing, found, tensors))
        if left:
            raise ValueError(
                f"{_file_of(left)}: expected the tensors of a BERT {kind} of {config.num_layers} "
                f"layers alone, received also {_list(left.values())}"
            )
        return {path: _as_ours(*each) for path, each in found.items()}, absent

    def _check(self, tensor: ReadableTensor, path: str, expected: Shape) -> None:
        if tuple(tensor.shape) != expected:
            raise ValueError(
                f"{tensor.file}: tensor {tensor.name}: expected shape {list(expected)} ({path} of "
                f"this configuration), received {list(tensor.shape)}"
            )

    def _absent(self, missing, found, tensors) -> Iterator[str]:
        for part in OPTIONAL:
            of_part = [path for path in missing if path.startswith(part)]
            if of_part and any(path.startswith(part) for path in found):
                name, _ = self.named(of_part[0])
                raise ValueError(
                    f"{_file_of(tensors)}: expected tensor {name}, it is missing, though others of "
                    f"{part.rstrip('/')} are there"
                )
            if of_part:
                yield part


def _theirs(shape: Shape, layout: str, num_heads: int) -> Shape:
    return _their_shape(shape[::-1] if layout == TRANSPOSED else shape, layout, num_heads)


def _their_shape(shape: Shape, layout: str, num_heads: int) -> Shape:
    if layout == TO_HEADS:
        return (*shape[:-1], num_heads, shape[-1] // num_heads)
    if layout == FROM_HEADS:
        return (num_heads, shape[0] // num_heads, *shape[1:])
    return tuple(shape)


def _as_ours(tensor: ReadableTensor, layout: str, shape: Shape) -> np.ndarray:
    values = tensor.read()
    return np.ascontiguousarray(values.T if layout == TRANSPOSED else values.reshape(shape))


def _file_of(tensors: Mapping[str, ReadableTensor]) -> str:
    return next((tensor.file for tensor in tensors.values()), "the file, which holds no tensor")


def _list(tensors) -> str:
    names = sorted(f"{tensor.name} {list(tensor.shape)}" for tensor in tensors)
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
