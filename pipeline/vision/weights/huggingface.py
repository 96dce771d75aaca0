"""Hugging Face's folder of a ViT or a Dinov2: `config.json` and `model.safetensors`."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping

from data_prep import storage
from models.vit import ViTConfig
from models.vit.config import CLASS_TOKEN, CLASS_TOKEN_AND_MEAN
from pipeline.vision.weights.names import DINOV2, UNUSED, VIT, find_tensors
from pipeline.vision.weights.preprocessor import read_normalisation
from pipeline.vision.weights.vision_weights import HALF, IMAGENET, VisionWeights
from pipeline.weights.json_file import read_json
from pipeline.weights.tensor_file import StoredTensor, stored_tensors

CONFIG, TENSORS, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
_SIZES = {
    "patch_size": "patch_size",
    "hidden_dim": "hidden_size",
    "num_layers": "num_hidden_layers",
    "num_heads": "num_attention_heads",
    "image_size": "image_size",
}
# model_type: names, pooling of its classifier, normalisation where the folder gives none.
_KINDS = {
    "vit": (VIT, CLASS_TOKEN, HALF),
    "dinov2": (DINOV2, CLASS_TOKEN_AND_MEAN, IMAGENET),
}
# Values of a model that computes something else; what is here is what we compute.
_OURS_ONLY = {"qkv_bias": True, "use_swiglu_ffn": False}


def read_hugging_face(folder: pathlib.Path) -> VisionWeights:
    """Reads a folder of `save_pretrained`.

    Raises:
      FileNotFoundError: a file is missing.
      ValueError: a file is damaged, or the model is no ViT and no Dinov2.
    """
    settings = read_json(folder / CONFIG)
    kind = settings.get("model_type")
    if kind not in _KINDS:
        raise ValueError(
            f"{folder / CONFIG}: expected model_type {' or '.join(_KINDS)}, received {kind!r}"
        )
    rows, pooling, normalisation = _KINDS[kind]
    tensors = _tensors(folder, kind)
    labels = _labels(settings, tensors)
    config = _config(settings, str(folder / CONFIG), pooling, kind)
    found = find_tensors(rows, tensors, config, len(labels))
    name = settings.get("_name_or_path") or storage.printable(folder.resolve().name)
    notes = [f"its head of {len(labels):,} classes is left out"] if labels else []
    return VisionWeights(
        config=config,
        tensors=found,
        normalisation=read_normalisation(folder, normalisation),
        origin=f"Hugging Face {kind} {name}",
        labels=labels,
        notes=tuple(notes),
    )


def _tensors(folder: pathlib.Path, kind: str) -> dict[str, StoredTensor]:
    if not (folder / TENSORS).is_file() and (folder / INDEX).is_file():
        raise ValueError(
            f"{folder}: expected one {TENSORS}, received several files. Write one: transformers' "
            "AutoModel.from_pretrained(DIR).save_pretrained(NEW_DIR, max_shard_size='100GB')"
        )
    tensors = {
        name.removeprefix(f"{kind}."): tensor
        for name, tensor in stored_tensors(folder / TENSORS).items()
    }
    return {name: tensor for name, tensor in tensors.items() if name not in UNUSED}


def _config(settings: Mapping, file: str, pooling: str, kind: str) -> ViTConfig:
    for key, expected in _OURS_ONLY.items():
        if settings.get(key, expected) != expected:
            raise ValueError(f"{file}: expected {key} {expected}, received {settings[key]!r}")
    named = {}
    for ours, theirs in _SIZES.items():
        value = settings.get(theirs)
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValueError(f"{file}: expected a whole number as {theirs}, received {value!r}")
        named[ours] = value
    if kind == "vit":
        named["intermediate_dim"] = settings.get("intermediate_size", 4 * named["hidden_dim"])
    else:
        named["intermediate_dim"] = int(settings.get("mlp_ratio", 4) * named["hidden_dim"])
        named["layer_scale"] = settings.get("layerscale_value", 1.0)
    try:
        return ViTConfig(
            **named,
            channels=settings.get("num_channels", 3),
            hidden_act=settings.get("hidden_act", "gelu"),
            layer_norm_epsilon=settings.get("layer_norm_eps", 1e-12 if kind == "vit" else 1e-6),
            pooling=pooling,
        )
    except (TypeError, ValueError) as error:
        raise ValueError(f"{file}: {error}") from error


def _labels(settings: Mapping, tensors: Mapping[str, StoredTensor]) -> tuple[str, ...]:
    if "classifier.weight" not in tensors:
        return ()
    names = settings.get("id2label") or {}
    return tuple(
        str(names.get(str(i), f"LABEL_{i}")) for i in range(tensors["classifier.weight"].shape[0])
    )
