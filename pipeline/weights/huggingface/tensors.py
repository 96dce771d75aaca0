"""The tensors of a Hugging Face folder, under the names that `save_pretrained` gives today.

Older files name gain and offset of a layer norm gamma and beta; files of a bare `BertModel` leave
out "bert."; a decoder that is tied to the word embeddings may be stored once more. The TensorFlow
models of transformers saved the names of their Keras variables.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
from collections.abc import Mapping

import numpy as np

from pipeline.weights.json_file import read_json
from pipeline.weights.tensor_file import StoredTensor, stored_tensors

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
_PICKLED = ("pytorch_model.bin", "pytorch_model.bin.index.json")
_OF_KERAS = ("tf_model.h5", "flax_model.msgpack")
_BUFFERS = ("bert.embeddings.position_ids", "bert.embeddings.token_type_ids")
_TABLE, _BIAS = "bert.embeddings.word_embeddings.weight", "cls.predictions.bias"
_DECODER, _DECODER_BIAS = "cls.predictions.decoder.weight", "cls.predictions.decoder.bias"


def hugging_face_tensors(folder: pathlib.Path) -> dict[str, StoredTensor]:
    """Returns the tensors by today's name, the tied decoder left out.

    Raises:
      FileNotFoundError: there is no safetensors file.
      ValueError: a file is damaged, an index names a file outside of the folder, or the decoder is
        not that of the word embeddings.
    """
    tensors = {}
    for stored in stored_in(folder).values():
        name = _todays_name(stored.name)
        if name in tensors:
            raise ValueError(
                f"{stored.file}: expected one tensor for {name}, received {tensors[name].name} and "
                f"{stored.name}"
            )
        tensors[name] = stored
    for buffer in _BUFFERS:
        tensors.pop(buffer, None)
    _untie(tensors)
    return tensors


def _todays_name(name: str) -> str:
    if name.endswith(":0"):
        name = _name_of_keras(name)
    name = name.replace("LayerNorm.gamma", "LayerNorm.weight")
    name = name.replace("LayerNorm.beta", "LayerNorm.bias")
    return name if name.startswith(("bert.", "cls.", "classifier.")) else f"bert.{name}"


def _name_of_keras(name: str) -> str:
    """ "mlm___cls/predictions/bias:0" is "cls.predictions.bias"; a kernel stays a kernel."""
    name = re.sub(r"^(mlm|nsp)___", "", name.removesuffix(":0"))
    name = name.replace("layer_._", "layer/").replace("/", ".")
    return re.sub(r"_embeddings\.embeddings$", "_embeddings.weight", name)


def stored_in(folder: pathlib.Path) -> dict[str, StoredTensor]:
    """Returns the tensors of the one file or of all shards, by the names that stand there.

    Raises:
      FileNotFoundError: there is no safetensors file.
      ValueError: a file is damaged, or an index names a file outside of the folder.
    """
    if (folder / SINGLE).is_file():
        return stored_tensors(folder / SINGLE)
    if (folder / INDEX).is_file():
        return _sharded(folder)
    if pickled := [name for name in _PICKLED if (folder / name).is_file()]:
        raise ValueError(
            f"{folder / pickled[0]}: expected {SINGLE}, received a pickle, which runs code when it "
            "is read and is not opened. Where you trust it: transformers' "
            "AutoModel.from_pretrained(DIR).save_pretrained(NEW_DIR, safe_serialization=True)"
        )
    others = [name for name in _OF_KERAS if (folder / name).is_file()]
    raise FileNotFoundError(
        f"{folder}: expected {SINGLE} or {INDEX}, there is neither"
        + (f" but {others[0]}, which is not read. Save it as safetensors." if others else "")
    )


def _sharded(folder: pathlib.Path) -> dict[str, StoredTensor]:
    names = read_json(folder / INDEX).get("weight_map")
    if not isinstance(names, Mapping) or not names:
        raise ValueError(f"{folder / INDEX}: expected a weight_map, tensor to file, there is none")
    for file in names.values():
        # A name alone: no path leads out of the folder.
        if not isinstance(file, str) or os.path.basename(file) != file or "\\" in file:
            raise ValueError(
                f"{folder / INDEX}: expected names of files in this folder, received "
                f"{json.dumps(file)}"
            )
    files = {file: stored_tensors(folder / file) for file in sorted(set(names.values()))}
    for name, file in names.items():
        if name not in files[file]:
            raise ValueError(f"{folder / file}: expected tensor {name}, as {INDEX} says; not there")
    return {name: files[file][name] for name, file in names.items()}


def _untie(tensors: dict[str, StoredTensor]) -> None:
    """Takes the decoder out, after a look whether it is the word table, and its bias likewise."""
    decoder, bias = tensors.pop(_DECODER, None), tensors.pop(_DECODER_BIAS, None)
    if decoder is not None and _TABLE not in tensors:
        tensors[_TABLE] = decoder
    elif decoder is not None:
        _check_equal(decoder, tensors[_TABLE], "the head decodes with the word embeddings")
    if bias is not None and _BIAS not in tensors:
        tensors[_BIAS] = bias
    elif bias is not None:
        _check_equal(bias, tensors[_BIAS], "the masked-LM head has one bias")


def _check_equal(one: StoredTensor, other: StoredTensor, why: str) -> None:
    if one.shape != other.shape or not np.array_equal(one.read(), other.read()):
        raise ValueError(
            f"{one.file}: tensor {one.name}: expected the values of {other.name} (shape "
            f"{list(other.shape)}), received others (shape {list(one.shape)}): {why}, an untied "
            "decoder has no place in this model"
        )
