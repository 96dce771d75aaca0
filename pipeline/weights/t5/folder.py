"""A folder of a T5, in Hugging Face's layout: read where it lies, and written.

config.json  model.safetensors, or its parts and model.safetensors.index.json

All names and shapes are checked before a value is read, and a tensor at a time goes into the model:
the weights are never in memory twice.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Mapping

import tensorflow as tf

from data_prep import storage
from models.t5 import T5, T5Config
from pipeline.weights.huggingface.tensors import SINGLE, stored_in
from pipeline.weights.json_file import read_json, write_json
from pipeline.weights.name_map import TRANSPOSED
from pipeline.weights.t5.names import COPIES, T5_NAMES, t5_shapes
from pipeline.weights.tensor_file import StoredTensor, write_tensors

CONFIG = "config.json"
_SIZES = {
    "vocab_size": "vocab_size",
    "hidden_dim": "d_model",
    "intermediate_dim": "d_ff",
    "num_layers": "num_layers",
    "num_decoder_layers": "num_decoder_layers",
    "num_heads": "num_heads",
    "head_dim": "d_kv",
    "num_buckets": "relative_attention_num_buckets",
    "max_distance": "relative_attention_max_distance",
    "layer_norm_epsilon": "layer_norm_epsilon",
}
_NEEDED = ("vocab_size", "d_model", "d_ff", "num_layers", "num_heads", "d_kv")
_IS_VERSION_1_1 = {"feed_forward_proj": "gated-gelu", "scale_decoder_outputs": False}
_HEAD, _TABLE = "lm_head.weight", "shared.weight"


@dataclasses.dataclass(frozen=True)
class T5Folder:
    """A checked folder; its tensors are not read yet.

    Attributes:
      path: of the folder.
      config: the sizes.
      tensors: path of our variable -> their tensor, and whether it is transposed.
    """

    path: pathlib.Path
    config: T5Config
    tensors: Mapping[str, tuple[StoredTensor, bool]]


def is_t5_folder(path: str | os.PathLike) -> bool:
    """Says whether a folder has the configuration of a T5."""
    file = pathlib.Path(path) / CONFIG
    return file.is_file() and read_json(file).get("model_type") in ("t5", "mt5")


def read_t5_folder(path: str | os.PathLike) -> T5Folder:
    """Reads and checks all of a folder but the tensors themselves.

    Raises:
      FileNotFoundError: a file is missing.
      ValueError: the model is no T5 1.1, a size is none, or a tensor is missing, left over or of
        another shape; the message names file and tensor.
    """
    folder = pathlib.Path(path)
    config = _read_config(folder / CONFIG)
    stored = stored_in(folder)
    for copy in [stored.pop(name) for name in COPIES if name in stored]:
        stored.setdefault(_TABLE, copy)
    is_tied = read_json(folder / CONFIG).get("tie_word_embeddings", True)
    if is_tied and _TABLE in stored:  # stored once where both are the same
        stored.setdefault(_HEAD, stored[_TABLE])
    found = {}
    for ours, shape in t5_shapes(config):
        name, layout = T5_NAMES.named(ours)
        theirs = shape[::-1] if layout == TRANSPOSED else shape
        tensor = stored.pop(name, None)
        if tensor is None:
            raise ValueError(
                f"{folder}: expected tensor {name} of shape {list(theirs)}, it is missing"
            )
        if tensor.shape != theirs:
            raise ValueError(
                f"{tensor.file}: tensor {name}: expected shape {list(theirs)} by {CONFIG}, "
                f"received {list(tensor.shape)}"
            )
        found[ours] = (tensor, layout == TRANSPOSED)
    if stored:
        raise ValueError(
            f"{folder}: expected the tensors of a T5 of {config.num_layers} layers alone, received "
            f"also {', '.join(sorted(stored)[:3])}"
        )
    return T5Folder(folder, config, found)


def load_t5(folder: T5Folder) -> T5:
    """Builds the model and reads its weights."""
    model = T5(folder.config)
    ids = tf.zeros([1, 1], tf.int32)
    model({"input_ids": ids, "input_mask": ids + 1, "decoder_input_ids": ids})
    for path, variable in variables_by_path(model).items():
        tensor, is_transposed = folder.tensors[path]
        values = tensor.read()
        variable.assign(values.T if is_transposed else values)
    return model


def save_t5(path: str | os.PathLike, model: T5) -> None:
    """Writes configuration and weights; transformers' `T5ForConditionalGeneration` loads them."""
    folder = pathlib.Path(path)
    storage.make_folder(os.fspath(folder))
    weights = {name: variable.numpy() for name, variable in variables_by_path(model).items()}
    write_tensors(folder / SINGLE, T5_NAMES.write(weights, model.config.num_heads))
    sizes = {theirs: getattr(model.config, ours) for ours, theirs in _SIZES.items()}
    write_json(
        folder / CONFIG,
        {
            "architectures": ["T5ForConditionalGeneration"],
            "model_type": "t5",
            **sizes,
            **_IS_VERSION_1_1,
            "tie_word_embeddings": False,
            "pad_token_id": 0,
            "decoder_start_token_id": 0,
        },
    )


def variables_by_path(model: T5) -> dict[str, tf.Variable]:
    """Returns the built variables by the path below the model."""
    prefix = f"{model.name}/"
    return {v.name.removesuffix(":0").removeprefix(prefix): v for v in model.variables}


def _read_config(path: pathlib.Path) -> T5Config:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: expected the configuration of a T5, there is no file")
    settings = read_json(path)
    if settings.get("model_type") not in ("t5", "mt5"):
        raise ValueError(f"{path}: expected model_type t5, received {settings.get('model_type')!r}")
    # transformers 5 says of every T5 that its head is tied; what it was stands in another setting.
    settings.setdefault("scale_decoder_outputs", settings.get("tie_word_embeddings", True))
    for key, expected in _IS_VERSION_1_1.items():
        received = settings.get(key)
        if received != expected:
            raise ValueError(
                f"{path}: expected {key} {expected!r}, of T5 1.1, received {received!r}: the "
                "models before it have another feed-forward layer and a tied head"
            )
    if missing := [key for key in _NEEDED if key not in settings]:
        raise ValueError(f"{path}: expected the sizes of a T5, {', '.join(missing)} is missing")
    named = {ours: settings[theirs] for ours, theirs in _SIZES.items() if theirs in settings}
    for ours, value in named.items():
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        if not is_whole and not (ours == "layer_norm_epsilon" and isinstance(value, float)):
            raise ValueError(f"{path}: expected a number as {_SIZES[ours]}, received {value!r}")
    try:
        return T5Config(**named)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
