"""Weights of a vision transformer from a file or a folder, recognised by its content."""

from __future__ import annotations

import os
import pathlib

from pipeline.vision.weights import huggingface, vit_folder
from pipeline.vision.weights.onnx_file import read_onnx
from pipeline.vision.weights.vision_weights import VisionWeights

_EXPECTED = (
    "expected an .onnx file, a folder of Hugging Face (config.json, model.safetensors), or the "
    "folder `model` that `mnemosyne vit` wrote"
)


def read_weights(path: str | os.PathLike) -> VisionWeights:
    """Reads and checks weights; the tensors of safetensors are read later.

    Raises:
      FileNotFoundError: there is nothing at the path, or a file is missing.
      ValueError: it holds no vision transformer, or the package onnx is missing and needed.
    """
    path = pathlib.Path(path)
    if not path.exists():
        raise FileNotFoundError(f"--weights {path}: {_EXPECTED}, but there is nothing")
    if path.is_file():
        if path.suffix == ".onnx":
            return read_onnx(os.fspath(path))
        if path.name in (huggingface.TENSORS, huggingface.CONFIG):
            return read_weights(path.parent)
        raise ValueError(f"--weights {path}: {_EXPECTED}, received a file with another ending")
    if vit_folder.is_vit_folder(path):
        return vit_folder.read_vit_folder(path)
    if (path / huggingface.CONFIG).is_file():
        return huggingface.read_hugging_face(path)
    found = ", ".join(sorted(os.listdir(path))[:5]) or "an empty folder"
    raise ValueError(f"--weights {path}: {_EXPECTED}, received {found}")
