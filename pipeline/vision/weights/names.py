"""The names of Hugging Face's ViT and Dinov2, and how their tensors are laid out.

Source: huggingface/transformers, modeling_vit.py and modeling_dinov2.py, as `save_pretrained` names
the tensors, below "vit." or "dinov2.".
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Protocol

import numpy as np

from models.vit import ViTConfig
from pipeline.vision.weights.tensors import PATCH_KERNEL, Shape, tensor_shapes

# Theirs as ours; with axes of length 1 before it; `[outputs, inputs]`; `[outputs, channels, height,
# width]` of a convolution over patches.
SAME, FLAT, TRANSPOSED, CONVOLUTION = "same", "flat", "transposed", "convolution"
# Theirs that no classifier reads: of masked images, and the pooler of a bare ViT.
UNUSED = ("embeddings.mask_token", "pooler.dense.weight", "pooler.dense.bias")
_LAYER = re.compile(r"(?<=layer_)\d+(?=/)")


class ReadableTensor(Protocol):
    """A tensor of a file."""

    file: str
    name: str
    shape: Shape

    def read(self) -> np.ndarray:
        """Returns the values as float32."""


@dataclasses.dataclass(frozen=True)
class FoundTensor:
    """A tensor of a file that belongs to a variable of ours.

    Attributes:
      tensor: of the file.
      layout: of it there.
      shape: of our variable.
    """

    tensor: ReadableTensor
    layout: str
    shape: Shape

    def read(self) -> np.ndarray:
        """Returns the values in the shape of our variable, float32."""
        values = self.tensor.read()
        if self.layout == TRANSPOSED:
            values = values.T
        if self.layout == CONVOLUTION:
            values = values.transpose(2, 3, 1, 0)
        return np.ascontiguousarray(values).reshape(self.shape)


def _rows(norms: tuple[str, str], feed_forward: tuple[str, str]):
    embeddings = "encoder/embeddings/"
    yield PATCH_KERNEL, ("embeddings.patch_embeddings.projection.weight", CONVOLUTION)
    yield (
        f"{embeddings}patch_projection/bias",
        ("embeddings.patch_embeddings.projection.bias", SAME),
    )
    yield f"{embeddings}class_token", ("embeddings.cls_token", FLAT)
    yield f"{embeddings}position_embeddings", ("embeddings.position_embeddings", FLAT)
    ours, theirs = "encoder/layer_{i}/", "encoder.layer.{i}."
    for half, name in zip(("attention", "output"), norms, strict=True):
        yield from _norm(f"{ours}{half}_layer_norm", f"{theirs}{name}")
    for name in ("query", "key", "value"):
        yield from _dense(f"{ours}attention/{name}", f"{theirs}attention.attention.{name}")
    yield from _dense(f"{ours}attention/output", f"{theirs}attention.output.dense")
    for layer, name in zip(("intermediate", "output"), feed_forward, strict=True):
        yield from _dense(f"{ours}{layer}", f"{theirs}{name}")
    for half, name in (("attention", "layer_scale1"), ("output", "layer_scale2")):
        yield f"{ours}{half}_layer_scale/gamma", (f"{theirs}{name}.lambda1", SAME)
    yield from _norm("encoder/layer_norm", "layernorm")
    yield from _dense("head", "classifier")


def _dense(ours: str, theirs: str):
    yield f"{ours}/kernel", (f"{theirs}.weight", TRANSPOSED)
    yield f"{ours}/bias", (f"{theirs}.bias", SAME)


def _norm(ours: str, theirs: str):
    yield f"{ours}/gamma", (f"{theirs}.weight", SAME)
    yield f"{ours}/beta", (f"{theirs}.bias", SAME)


# Path of ours, `{i}` for the layer -> name and layout.
VIT = dict(_rows(("layernorm_before", "layernorm_after"), ("intermediate.dense", "output.dense")))
DINOV2 = dict(_rows(("norm1", "norm2"), ("mlp.fc1", "mlp.fc2")))


def find_tensors(
    rows: Mapping[str, tuple[str, str]],
    tensors: Mapping[str, ReadableTensor],
    config: ViTConfig,
    num_classes: int = 0,
) -> dict[str, FoundTensor]:
    """Returns their tensors by our path; all names and shapes are checked, no value is read.

    Args:
      rows: `VIT` or `DINOV2`.
      tensors: by name, without a prefix. None may be left over.
      config: the sizes.
      num_classes: of the head; 0 without one.

    Raises:
      ValueError: a tensor is missing, left over or of another shape.
    """
    left, found = dict(tensors), {}
    for path, shape in tensor_shapes(config, num_classes):
        number = _LAYER.search(path)
        name, layout = rows[_LAYER.sub("{i}", path)]
        name = name.format(i=number and number[0])
        expected = _their_shape(shape, layout, config)
        if name not in left:
            raise ValueError(
                f"{_file_of(tensors)}: expected tensor {name} of shape {list(expected)}, it is "
                "missing"
            )
        tensor = left.pop(name)
        if tuple(tensor.shape) != expected:
            raise ValueError(
                f"{tensor.file}: tensor {tensor.name}: expected shape {list(expected)} ({path} of "
                f"this configuration), received {list(tensor.shape)}"
            )
        found[path] = FoundTensor(tensor, layout, shape)
    if left:
        names = ", ".join(f"{name} {list(left[name].shape)}" for name in sorted(left)[:3])
        raise ValueError(
            f"{_file_of(left)}: expected the tensors of a vision transformer of "
            f"{config.num_layers} layers alone, received also {names}"
        )
    return found


def _their_shape(shape: Shape, layout: str, config: ViTConfig) -> Shape:
    if layout == TRANSPOSED:
        return shape[::-1]
    if layout == CONVOLUTION:
        return (shape[1], config.channels, config.patch_size, config.patch_size)
    if layout == FLAT:
        return (1,) * (3 - len(shape)) + shape
    return shape


def _file_of(tensors: Mapping[str, ReadableTensor]) -> str:
    return next((tensor.file for tensor in tensors.values()), "the file, which holds no tensor")
