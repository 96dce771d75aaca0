"""A model folder: one BERT with its tokenizer, as `mnemosyne import` and fine-tuning write it.

bert_config.json  vocab.txt  tokenizer_config.json  model.safetensors  model.json

`model.safetensors` holds float32 tensors named by the path of their variable. `model.json` is
written last: a folder without it is not finished.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Mapping

import numpy as np
import tf_keras as keras

from data_prep import storage
from data_prep.wordpiece import load_vocabulary
from models import BertConfig
from models.bert_encoder import BertEncoder
from pipeline.weights.json_file import read_json, write_json
from pipeline.weights.model_description import ModelDescription, read_description
from pipeline.weights.tensor_file import StoredTensor, stored_tensors, write_tensors
from pipeline.weights.tensors import tensor_shapes, variables_by_path

MARKER = "model.json"
TENSORS = "model.safetensors"
CONFIG = "bert_config.json"
VOCABULARY = "vocab.txt"
TOKENIZER = "tokenizer_config.json"


@dataclasses.dataclass(frozen=True)
class ModelFolder:
    """A checked model folder; its tensors are not read yet.

    Attributes:
      path: of the folder.
      config: the architecture.
      description: `model.json`.
      vocab_file: path of the vocabulary.
      do_lower_case: whether text is lower-cased and stripped of accents.
      ids: "bert" or "tf_text", see `WordpieceTokenizer`.
      tensors: by the path of the variable.
    """

    path: pathlib.Path
    config: BertConfig
    description: ModelDescription
    vocab_file: str
    do_lower_case: bool
    ids: str
    tensors: Mapping[str, StoredTensor]

    def lacks(self, path: str) -> bool:
        """Says whether the origin had no weights for this variable."""
        return path.startswith(self.description.absent)


def is_model_folder(path: str | os.PathLike) -> bool:
    """Says whether a path is a finished model folder."""
    return os.path.isfile(os.path.join(path, MARKER))


def save_model_folder(
    path: str | os.PathLike,
    model: keras.Model | BertEncoder,
    description: ModelDescription,
    *,
    vocab_file: str,
    do_lower_case: bool,
    ids: str = "bert",
) -> None:
    """Writes a built model; a folder that is written again is unfinished meanwhile.

    Args:
      path: made if missing.
      model: a `BertEncoder`, `BertPretrainer` or `BertClassifier`, with `config`.
      description: of the model.
      vocab_file: of its tokenizer; copied.
      do_lower_case: of its tokenizer.
      ids: of its tokenizer.

    Raises:
      OSError: the folder cannot be written.
    """
    weights = {name: each.numpy() for name, each in variables_by_path(model).items()}
    save_weights(
        *(path, weights, model.config, description),
        vocab_file=vocab_file,
        do_lower_case=do_lower_case,
        ids=ids,
    )


def save_weights(
    path: str | os.PathLike,
    weights: Mapping[str, np.ndarray],
    config: BertConfig,
    description: ModelDescription,
    *,
    vocab_file: str,
    do_lower_case: bool,
    ids: str = "bert",
) -> None:
    """Writes a model folder from float32 arrays by the path of their variable.

    Raises:
      ValueError: an array is missing, has another shape, or belongs to no variable.
    """
    shapes = {name: array.shape for name, array in weights.items()}
    _check_tensors(os.fspath(path), shapes, config, description)
    folder = pathlib.Path(path)
    storage.make_folder(os.fspath(folder))
    storage.remove(os.fspath(folder / MARKER), missing_ok=True)
    storage.write_whole(folder / VOCABULARY, storage.read_whole(vocab_file))
    config.save(folder / CONFIG)
    write_json(folder / TOKENIZER, {"do_lower_case": do_lower_case, "ids": ids})
    write_tensors(folder / TENSORS, weights)
    write_json(folder / MARKER, dataclasses.asdict(description))


def read_model_folder(path: str | os.PathLike) -> ModelFolder:
    """Reads and checks all of a model folder but the tensors themselves.

    Raises:
      FileNotFoundError: the folder is not finished or lacks a file.
      ValueError: two of its files disagree; the message names file and tensor.
    """
    folder = pathlib.Path(path)
    if not is_model_folder(folder):
        raise FileNotFoundError(
            f"{folder}: expected a model folder, as `mnemosyne import` writes it, received a path "
            f"without {MARKER}"
        )
    description = read_description(folder / MARKER)
    config = _read_config(folder / CONFIG)
    _check_positions(folder, config, description)
    entries = len(load_vocabulary(os.fspath(folder / VOCABULARY)))
    if entries > config.vocab_size:
        raise ValueError(
            f"{folder / VOCABULARY}: expected at most {config.vocab_size:,} entries, the "
            f"vocab_size of {CONFIG}, received {entries:,}"
        )
    tensors = stored_tensors(folder / TENSORS)
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    _check_tensors(os.fspath(folder / TENSORS), shapes, config, description)
    tokenizer = _read_tokenizer(folder / TOKENIZER)
    return ModelFolder(
        path=folder,
        config=config,
        description=description,
        vocab_file=os.fspath(folder / VOCABULARY),
        do_lower_case=tokenizer["do_lower_case"],
        ids=tokenizer["ids"],
        tensors=tensors,
    )


def load_weights(
    folder: ModelFolder, model: keras.Model | BertEncoder, *, new_heads: bool = False
) -> tuple[str, ...]:
    """Assigns the tensors of a folder to a built model; those that it does not have are not read.

    Args:
      folder: of the same sizes.
      model: a `BertEncoder`, `BertPretrainer` or `BertClassifier`.
      new_heads: whether a head that the folder has no weights for may keep its initial values.

    Returns:
      The paths that keep their initial values: what the origin did not have, and with `new_heads`
      the heads that the folder lacks.

    Raises:
      ValueError: a variable has no tensor, or one of another shape.
    """
    kept = []
    for path, variable in variables_by_path(model).items():
        if path in folder.tensors:
            tensor = folder.tensors[path]
            _check_shape(tensor.file, path, tensor.shape, tuple(variable.shape))
            variable.assign(tensor.read())
        elif folder.lacks(path) or (new_heads and not path.startswith("encoder/")):
            kept.append(path)
        else:
            raise ValueError(
                f"{folder.path}: expected weights of {path}, but this {folder.description.kind} "
                f"from {folder.description.origin or 'an unknown origin'} has none"
            )
    return tuple(kept)


def _read_config(path: pathlib.Path) -> BertConfig:
    read_json(path)  # says which file it is that is no JSON
    try:
        return BertConfig.load(path)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error


def _check_positions(
    folder: pathlib.Path, config: BertConfig, description: ModelDescription
) -> None:
    longest = max(description.max_seq_length, description.trained_positions)
    if longest > config.max_position_embeddings:
        raise ValueError(
            f"{folder / MARKER}: expected max_seq_length and trained_positions of at most "
            f"{config.max_position_embeddings}, the max_position_embeddings of {CONFIG}, received "
            f"{longest}"
        )


def _read_tokenizer(path: pathlib.Path) -> dict:
    settings = {"do_lower_case": True, "ids": "bert", **read_json(path)}
    if not isinstance(settings["do_lower_case"], bool):
        raise ValueError(
            f"{path}: expected true or false as do_lower_case, received "
            f"{settings['do_lower_case']!r}"
        )
    if settings["ids"] not in ("bert", "tf_text"):
        raise ValueError(f"{path}: expected ids bert or tf_text, received {settings['ids']!r}")
    return settings


def _check_tensors(
    file: str,
    shapes: Mapping[str, tuple[int, ...]],
    config: BertConfig,
    description: ModelDescription,
) -> None:
    left = dict(shapes)
    for path, expected in tensor_shapes(config, description.kind, description.num_outputs):
        if path in left:
            _check_shape(file, path, left.pop(path), expected)
        elif not path.startswith(description.absent):
            raise ValueError(f"{file}: expected tensor {path} of shape {expected}, it is missing")
    if left:
        raise ValueError(
            f"{file}: expected the tensors of kind {description.kind} alone, received also "
            f"{', '.join(sorted(left)[:3])}"
        )


def _check_shape(file: str, path: str, received: tuple[int, ...], expected: tuple[int, ...]):
    if tuple(received) != tuple(expected):
        raise ValueError(
            f"{file}: tensor {path}: expected shape {list(expected)}, received {list(received)}"
        )
