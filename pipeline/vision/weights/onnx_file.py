"""The backbone inside an ONNX file that PyTorch exported from Hugging Face's ViT or Dinov2.

The file is read as data: its graph is never run. An exporter keeps the names of biases and norms
and folds others away. Kernels of linear layers become anonymous (`onnx::MatMul_1966`), stored as
`[inputs, outputs]`; they are found through the graph, as what is multiplied before a named bias is
added. The table of positions is split into the class token's and the patches'.
"""

from __future__ import annotations

import dataclasses
import importlib
import math
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from data_prep import storage
from models.vit import ViTConfig
from models.vit.config import CLASS_TOKEN, CLASS_TOKEN_AND_MEAN
from pipeline.vision.weights.names import DINOV2, UNUSED, VIT, find_tensors
from pipeline.vision.weights.onnx_settings import OnnxSettings, find_settings
from pipeline.vision.weights.vision_weights import VisionWeights

_MOST_BYTES = 2 << 30  # what a protocol buffer can hold
_FIRST, _POSITIONS = "embeddings.cls_token", "embeddings.position_embeddings"
_LAYER = re.compile(r"encoder\.layer\.(\d+)\.")


@dataclasses.dataclass(frozen=True)
class OnnxTensor:
    """A tensor of an ONNX file.

    Attributes:
      file: path of the file.
      name: its name there.
      values: of any float dtype, in PyTorch's layout.
    """

    file: str
    name: str
    values: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        """In PyTorch's layout."""
        return self.values.shape

    def read(self) -> np.ndarray:
        """Returns the values as float32.

        Raises:
          ValueError: they are no floating-point numbers, or not finite.
        """
        values = self.values.astype(np.float32)
        if self.values.dtype.kind not in "fV" or not np.isfinite(values).all():
            raise ValueError(
                f"{self.file}: tensor {self.name}: expected finite floating-point numbers, "
                f"received others ({self.values.dtype}). Export the model unquantised."
            )
        return values


def read_onnx(path: str) -> VisionWeights:
    """Reads the backbone of an ONNX file; what lies outside of it is left out.

    Raises:
      ValueError: the file is damaged, or holds no such backbone; or the package onnx is missing.
    """
    graph = _graph(path)
    tensors = {each.name: OnnxTensor(path, each.name, _values(each, path)) for each in
               graph.initializer}  # fmt: skip
    prefix = _prefix(tensors, path)
    backbone = {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix) and _belongs(name.removeprefix(prefix))
    }
    for name, tensor in _kernels(graph, tensors, prefix):
        backbone.setdefault(name, tensor)
    if _POSITIONS not in backbone:
        backbone[_POSITIONS] = _joined_positions(path, tensors, backbone[_FIRST].shape[-1])
    is_dinov2 = "encoder.layer.0.norm1.weight" in backbone
    settings = find_settings(
        path,
        graph,
        kind="dinov2" if is_dinov2 else "vit",
        width=backbone[_FIRST].shape[-1],
        prefix=prefix,
    )
    config = _config(backbone, path, settings, is_dinov2)
    return VisionWeights(
        config=config,
        tensors=find_tensors(DINOV2 if is_dinov2 else VIT, backbone, config),
        normalisation=settings.normalisation,
        origin=f"{'Dinov2' if is_dinov2 else 'ViT'} in {storage.printable(os.path.basename(path))}",
        notes=(settings.note, *_left_out(tensors, prefix)),
    )


def _graph(path: str) -> Any:
    if (size := os.path.getsize(path)) > _MOST_BYTES:
        raise ValueError(f"{path}: expected at most {_MOST_BYTES:,} bytes, received {size:,}")
    try:
        onnx = importlib.import_module("onnx")
    except ImportError as error:
        raise ValueError(
            f"{path}: reading ONNX needs the package onnx: pip install 'mnemosyne-bert[onnx]'"
        ) from error
    decode_error = importlib.import_module("google.protobuf.message").DecodeError
    try:
        # Tensors in other files are not fetched: a path in the file may lead anywhere.
        return onnx.load(path, load_external_data=False).graph
    except decode_error as error:
        raise ValueError(f"{path}: expected an ONNX file, received {size:,} bytes that are none or "
                         f"were cut short ({error}). Copy the file again.") from error  # fmt: skip


def _values(tensor: Any, path: str) -> np.ndarray:
    helper = importlib.import_module("onnx.numpy_helper")
    if tensor.external_data:
        raise ValueError(
            f"{path}: tensor {tensor.name}: expected its values in this file, received the name of "
            "another file. Export the model into one."
        )
    return helper.to_array(tensor)


def _prefix(tensors: Mapping[str, OnnxTensor], path: str) -> str:
    prefixes = [name.removesuffix(_FIRST) for name in tensors if name.endswith(_FIRST)]
    if len(prefixes) != 1:
        raise ValueError(
            f"{path}: expected one tensor called ...{_FIRST}, as PyTorch exports a Hugging Face "
            f"ViT or Dinov2, received {len(prefixes)} among {len(tensors):,} tensors"
        )
    return prefixes[0]


def _belongs(name: str) -> bool:
    return name.startswith(("embeddings.", "encoder.", "layernorm.")) and name not in UNUSED


def _kernels(
    graph: Any, tensors: Mapping[str, OnnxTensor], prefix: str
) -> Iterator[tuple[str, OnnxTensor]]:
    """Yields name and tensor, `[outputs, inputs]`, of what is multiplied before a bias is added."""
    made_by = {output: node for node in graph.node for output in node.output}
    for node in graph.node:
        biases = [each for each in node.input if each.endswith(".bias") and each in tensors]
        if node.op_type != "Add" or len(biases) != 1 or not biases[0].startswith(prefix):
            continue
        (other,) = (each for each in node.input if each != biases[0])
        product = made_by.get(other)
        if product is None or product.op_type != "MatMul" or product.input[1] not in tensors:
            continue
        kernel = tensors[product.input[1]]
        name = biases[0].removeprefix(prefix).removesuffix("bias") + "weight"
        yield name, dataclasses.replace(kernel, values=kernel.values.T)


def _joined_positions(path: str, tensors: Mapping[str, OnnxTensor], width: int) -> OnnxTensor:
    tables = [
        tensor
        for name, tensor in tensors.items()
        if len(tensor.shape) == 3
        and tensor.shape[::2] == (1, width)
        and not name.endswith((_FIRST, "embeddings.mask_token"))
    ]
    tables.sort(key=lambda table: table.shape[1])
    rows = [table.shape[1] for table in tables]
    if len(rows) != 2 or rows[0] != 1 or math.isqrt(rows[1]) ** 2 != rows[1]:
        raise ValueError(
            f"{path}: expected positions of the class token [1, 1, {width}] and of a square of "
            f"patches, received tensors of {rows} rows"
        )
    joined = np.concatenate([table.values for table in tables], 1)
    return OnnxTensor(path, " and ".join(table.name for table in tables), joined)


def _config(
    backbone: Mapping[str, OnnxTensor], path: str, settings: OnnxSettings, is_dinov2: bool
) -> ViTConfig:
    layers = {int(match[1]) for name in backbone if (match := _LAYER.match(name))}
    feed_forward = "mlp.fc1.bias" if is_dinov2 else "intermediate.dense.bias"
    needed = ("embeddings.patch_embeddings.projection.weight", f"encoder.layer.0.{feed_forward}")
    for name in needed:
        if name not in backbone:
            raise ValueError(f"{path}: expected tensor {name} of the backbone, it is missing")
    width, channels, patch, _ = backbone[needed[0]].shape
    return ViTConfig(
        patch_size=patch,
        hidden_dim=width,
        num_layers=1 + max(layers),
        num_heads=settings.num_heads,
        intermediate_dim=backbone[needed[1]].shape[0],
        image_size=patch * math.isqrt(backbone[_POSITIONS].shape[1] - 1),
        channels=channels,
        hidden_act=settings.hidden_act,
        layer_norm_epsilon=settings.layer_norm_epsilon,
        layer_scale=1.0 if "encoder.layer.0.layer_scale1.lambda1" in backbone else None,
        pooling=CLASS_TOKEN_AND_MEAN if is_dinov2 else CLASS_TOKEN,
    )


def _left_out(tensors: Mapping[str, OnnxTensor], prefix: str) -> Iterator[str]:
    parts = {
        name.split(".")[0]
        for name in tensors
        if "." in name and not name.startswith((prefix or "\0", "onnx::"))
        and not (not prefix and _belongs(name))
    }  # fmt: skip
    if parts:
        yield f"left out what is not the backbone: {', '.join(sorted(parts))}"
