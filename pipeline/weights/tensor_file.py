"""safetensors files, read with care: names, shapes and dtypes before any tensor.

The library maps the file and checks that its header lies within it and that the tensors fill it;
nothing is unpickled and no memory is taken for a tensor that was not asked for.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from data_prep import storage

_FLOATS = ("F64", "F32", "F16", "BF16")


@dataclasses.dataclass(frozen=True)
class StoredTensor:
    """A tensor of a file that was not read yet.

    Attributes:
      file: path of the file.
      name: its name there.
      shape: of the header.
      dtype: of the header, such as "F32".
    """

    file: str
    name: str
    shape: tuple[int, ...]
    dtype: str

    def read(self) -> np.ndarray:
        """Returns the values as float32.

        Raises:
          ValueError: they are no floating-point numbers, or not finite.
        """
        if self.dtype not in _FLOATS:
            raise ValueError(
                f"{self.file}: tensor {self.name}: expected floating-point numbers "
                f"({', '.join(_FLOATS)}), received {self.dtype}. Export the model unquantised."
            )
        with _opened(self.file) as file:
            values = file.get_tensor(self.name).astype(np.float32)
        if not np.isfinite(values).all():
            raise ValueError(
                f"{self.file}: tensor {self.name}: expected finite numbers, received "
                f"{np.count_nonzero(~np.isfinite(values)):,} that are not"
            )
        return values


def stored_tensors(path: str | os.PathLike) -> dict[str, StoredTensor]:
    """Reads the header of a file: its tensors by name.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it is no safetensors file, or one that was cut short.
    """
    path = os.fspath(path)
    if not os.path.isfile(path):
        raise FileNotFoundError(f"{path}: expected a safetensors file, but there is none")
    with _opened(path) as file:
        slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
        return {
            name: StoredTensor(path, name, tuple(each.get_shape()), each.get_dtype())
            for name, each in slices.items()
        }


def write_tensors(
    path: str | os.PathLike,
    tensors: Mapping[str, np.ndarray],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Writes a file whole or not at all; arrays are copied to contiguous ones."""
    contiguous = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    storage.write_whole(path, save(contiguous, metadata=dict(metadata or {})))


def _opened(path: str) -> Any:
    try:
        return safe_open(path, framework="numpy")
    except SafetensorError as error:
        raise ValueError(
            f"{path}: expected a whole safetensors file, received {os.path.getsize(path):,} bytes "
            f"that are none or were cut short ({error}). Copy the file again."
        ) from error
