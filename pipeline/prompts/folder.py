"""The folder of a prompt: kilobytes that name the frozen model they belong to.

prompt.safetensors  prompt.json

`prompt.json` is written last: a folder without it is not finished.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping

from data_prep import storage
from models.prompted_bert import PromptAndHead
from pipeline.weights.json_file import read_json, write_json
from pipeline.weights.tensor_file import stored_tensors, write_tensors

MARKER = "prompt.json"
TENSORS = "prompt.safetensors"
_NAMES = {"prompt": "prompt_embeddings", "kernel": "head/kernel", "bias": "head/bias"}


@dataclasses.dataclass(frozen=True)
class PromptDescription:
    """What `prompt.json` says of a prompt.

    Attributes:
      checkpoint: the run or model folder of the frozen model.
      encoder_hash: of its weights, see `initial_weights.weights_hash`.
      task: name of the task.
      labels: strings of the classes, in order; empty for a regression.
      score_range: lowest and highest score of a regression; None of classes.
      sentence_columns: names of the columns of the text, one or two.
      max_seq_length: tokens of the longest text, without the prompt.
      prompt_length: vectors.
      prompt_init: how they began.
      seed: of the training.
      metrics: on dev, by name.
    """

    checkpoint: str
    encoder_hash: str
    task: str
    labels: tuple[str, ...]
    score_range: tuple[float, float] | None
    sentence_columns: tuple[str, ...]
    max_seq_length: int
    prompt_length: int
    prompt_init: str
    seed: int
    metrics: Mapping[str, float] = dataclasses.field(default_factory=dict)


def is_prompt_folder(path: str | os.PathLike) -> bool:
    """Says whether a path is a finished folder of a prompt."""
    return os.path.isfile(os.path.join(path, MARKER))


def save_prompt(
    path: str | os.PathLike, weights: PromptAndHead, description: PromptDescription
) -> None:
    """Writes a prompt; a folder that is written again is unfinished meanwhile."""
    storage.make_folder(os.fspath(path))
    storage.remove(os.path.join(path, MARKER), missing_ok=True)
    named = {_NAMES[field]: array for field, array in weights._asdict().items()}
    write_tensors(os.path.join(path, TENSORS), named)
    write_json(os.path.join(path, MARKER), dataclasses.asdict(description))


def read_prompt(path: str | os.PathLike) -> tuple[PromptAndHead, PromptDescription]:
    """Reads a prompt and checks it against its description.

    Raises:
      FileNotFoundError: a file is missing.
      ValueError: a file is damaged, or two disagree; the message names file and tensor.
    """
    description = _read_description(os.path.join(path, MARKER))
    tensors = stored_tensors(os.path.join(path, TENSORS))
    file = os.path.join(path, TENSORS)
    if set(tensors) != set(_NAMES.values()):
        raise ValueError(
            f"{file}: expected the tensors {', '.join(_NAMES.values())}, received "
            f"{', '.join(sorted(tensors)) or 'none'}"
        )
    prompt, kernel, bias = (tensors[name] for name in _NAMES.values())
    outputs = len(description.labels) or 1
    width = prompt.shape[-1] if prompt.shape else 0
    for tensor, expected in (
        (prompt, (description.prompt_length, width)),
        (kernel, (width, outputs)),
        (bias, (outputs,)),
    ):
        if tensor.shape != expected:
            raise ValueError(
                f"{file}: tensor {tensor.name}: expected shape {list(expected)} by {MARKER}, "
                f"received {list(tensor.shape)}"
            )
    return PromptAndHead(prompt.read(), kernel.read(), bias.read()), description


def _read_description(path: str) -> PromptDescription:
    content = read_json(path)
    try:
        lists = {name: tuple(value) for name, value in content.items() if isinstance(value, list)}
        description = PromptDescription(**{**content, **lists})
        _check(description)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: expected a description of a prompt, received {error}") from error
    return description


def _check(description: PromptDescription) -> None:
    types = {"checkpoint": str, "encoder_hash": str, "task": str, "labels": tuple,
             "sentence_columns": tuple, "max_seq_length": int, "prompt_length": int}  # fmt: skip
    for name, expected in types.items():
        value = getattr(description, name)
        if not isinstance(value, expected):
            raise ValueError(f"{name} = {value!r}, which is no {expected.__name__}")
