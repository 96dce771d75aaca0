"""Google's folder of a BERT, read and written; a Model Garden checkpoint in one, read.

bert_config.json  vocab.txt  bert_model.ckpt.index  bert_model.ckpt.data-00000-of-00001
"""

from __future__ import annotations

import pathlib
import re
from collections.abc import Iterator, Mapping

from data_prep import storage
from pipeline.weights import architecture
from pipeline.weights.casing import is_lower_cased
from pipeline.weights.google.checkpoint_tensors import (
    CheckpointTensor,
    checkpoint_tensors,
    write_checkpoint,
)
from pipeline.weights.google.model_garden_names import MODEL_GARDEN
from pipeline.weights.google.names import GOOGLE
from pipeline.weights.json_file import read_json, write_json
from pipeline.weights.model_description import ModelDescription
from pipeline.weights.name_map import NameMap
from pipeline.weights.regression_scale import scores_of_head
from pipeline.weights.tensors import CLASSIFIER, ENCODER, PRETRAINER
from pipeline.weights.travelling_model import TravellingModel

CONFIG, VOCABULARY, TOKENIZER = "bert_config.json", "vocab.txt", "tokenizer_config.json"
CHECKPOINT = "bert_model.ckpt"
_FINE_TUNING_LENGTH = 128  # of BERT's own fine-tuning on GLUE
_HEAD = "output_weights"
# State of the optimizer; everything else of a checkpoint is the model.
_OPTIMIZER = ("/adam_m", "/adam_v", "/Adam", "/Adam_1", "_power", "global_step", "learning_rate")
_FILE_OF_CHECKPOINT = re.compile(r"\.(index|data-\d{5}-of-\d{5})$")
_OF_A_BLOCK = "transformer/layer_"
# Settings of ours in bert_config.json, which Google's code keeps and ignores.
_OWN = "mnemosyne"


def read_google(path: pathlib.Path) -> TravellingModel:
    """Reads a folder, or the checkpoint in it that `path` names, with or without its endings.

    Raises:
      FileNotFoundError: a file is missing.
      ValueError: a file is damaged, or holds another model than `bert_config.json` says.
    """
    folder = path if path.is_dir() else path.parent
    settings = read_json(folder / CONFIG)
    config = architecture.from_google(settings, str(folder / CONFIG))
    vocabulary = _vocabulary(folder)
    tensors = checkpoint_tensors(_checkpoint_of(path))
    names, tensors = _of_the_model(tensors)
    kind = _kind(tensors, names)
    num_outputs = tensors[_HEAD].shape[0] if kind == CLASSIFIER else 0
    weights, absent = names.read(tensors, config, kind, num_outputs)
    description = ModelDescription(
        kind=kind,
        max_seq_length=min(_FINE_TUNING_LENGTH, config.max_position_embeddings),
        trained_positions=config.max_position_embeddings,
        origin=f"{names.origin} {folder.resolve().name}",
        absent=absent,
        **_task(settings, num_outputs, folder),
    )
    record = read_json(folder / TOKENIZER) if (folder / TOKENIZER).is_file() else {}
    return TravellingModel(
        weights=weights,
        config=config,
        description=description,
        vocabulary=vocabulary,
        do_lower_case=is_lower_cased(vocabulary, record.get("do_lower_case")),
    )


def _vocabulary(folder: pathlib.Path) -> bytes:
    if not (folder / VOCABULARY).is_file():
        raise FileNotFoundError(f"{folder}: expected {VOCABULARY} next to {CONFIG}, there is none")
    return storage.read_whole(str(folder / VOCABULARY))


def _checkpoint_of(path: pathlib.Path) -> pathlib.Path:
    """The checkpoint's path without endings; TensorFlow's list `checkpoint` is not followed."""
    if not path.is_dir():
        return path.with_name(_FILE_OF_CHECKPOINT.sub("", path.name))
    found = sorted(file.name.removesuffix(".index") for file in path.glob("*.index"))
    if CHECKPOINT in found:
        return path / CHECKPOINT
    if len(found) != 1:
        raise FileNotFoundError(
            f"{path}: expected {CHECKPOINT}.index or one other checkpoint, received "
            f"{', '.join(found) or 'none'}. Name one: --input {path}/NAME, without .index."
        )
    return path / found[0]


def _of_the_model(
    tensors: Mapping[str, CheckpointTensor],
) -> tuple[NameMap, dict[str, CheckpointTensor]]:
    """The layout that the names show, and the tensors of the model under its names."""
    kept = {name: each for name, each in tensors.items() if not name.endswith(_OPTIMIZER)}
    if any(name.startswith("bert/embeddings/") for name in kept):
        return GOOGLE, kept
    return MODEL_GARDEN, _of_model_garden(kept)


def _of_model_garden(tensors: Mapping[str, CheckpointTensor]) -> dict[str, CheckpointTensor]:
    """Model Garden's tensors without the names of the models that they are part of."""
    found = {}
    for path in MODEL_GARDEN.rows:
        known, _ = MODEL_GARDEN.rows[path]
        begin, _, end = known.partition("{i}")
        for name, tensor in tensors.items():
            if short := _below(name, begin, end):
                found[short] = tensor
    rest = {name: each for name, each in tensors.items() if each not in found.values()}
    return found | {name: each for name, each in rest.items() if _OF_A_BLOCK in name}


def _below(name: str, begin: str, end: str) -> str:
    """The part of a name from `begin` on if it ends as a known one does, else ""."""
    at = 0 if name.startswith(begin) else name.find(f"/{begin}") + 1
    if not (name.startswith(begin) or at) or not name.endswith(end):
        return ""
    middle = name[at + len(begin) : len(name) - len(end) if end else None]
    return name[at:] if (middle.isdecimal() if end else not middle) else ""


def _kind(tensors: Mapping[str, CheckpointTensor], names: NameMap) -> str:
    if _HEAD in tensors and tensors[_HEAD].shape:
        return CLASSIFIER
    heads = [names.named(path)[0] for path in names.rows if path.startswith(("masked", "next"))]
    return PRETRAINER if any(name in tensors for name in heads) else ENCODER


def _task(settings: Mapping, num_outputs: int, folder: pathlib.Path) -> dict:
    """What an export of ours kept of the task; numbered classes of another folder."""
    if not num_outputs:
        return {}
    own = settings.get(_OWN) if isinstance(settings.get(_OWN), Mapping) else {}
    numbered = [str(i) for i in range(num_outputs)] if num_outputs > 1 else []
    labels = tuple(map(str, own.get("labels", numbered)))
    if (len(labels) or 1) != num_outputs:
        raise ValueError(
            f"{folder / CONFIG}: expected a label for each of the {num_outputs} rows of "
            f"output_weights, received {len(labels)}"
        )
    columns = tuple(map(str, own.get("sentence_columns", ())))
    return {"labels": labels, "task": str(own.get("task", "")), "sentence_columns": columns}


def write_google(model: TravellingModel, folder: pathlib.Path) -> tuple[str, ...]:
    """Writes a folder that google-research/bert loads with `--init_checkpoint`.

    Args:
      model: any kind.
      folder: exists.

    Returns:
      Notes on what differs there.
    """
    weights, description = scores_of_head(model.weights, model.description)
    settings = architecture.to_google(model.config)
    if description.kind == CLASSIFIER:
        settings[_OWN] = {
            "task": description.task,
            "labels": list(description.labels),
            "sentence_columns": list(description.sentence_columns),
        }
    write_json(folder / CONFIG, settings)
    write_json(folder / TOKENIZER, {"do_lower_case": model.do_lower_case})
    storage.write_whole(folder / VOCABULARY, model.vocabulary)
    write_checkpoint(folder / CHECKPOINT, GOOGLE.write(weights, model.config.num_heads))
    return tuple(_notes(model))


def _notes(model: TravellingModel) -> Iterator[str]:
    if model.config.gelu_form == "erf":
        yield "its GELU is the exact one, Google's code computes the tanh form"
    if model.config.layer_norm_epsilon != architecture.GOOGLES_EPSILON:
        yield f"its epsilon is {model.config.layer_norm_epsilon:g}, Google's code has 1e-12"
    if model.ids != "bert":
        yield f"its text was tokenized with ids={model.ids}, Google's tokenizer has those of bert"
    if model.description.score_range is not None:
        yield "the head was scaled to give the score itself"
