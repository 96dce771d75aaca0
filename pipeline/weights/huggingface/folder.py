"""Hugging Face's folder of a BERT, read and written.

config.json  model.safetensors  vocab.txt  tokenizer.json  tokenizer_config.json
"""

from __future__ import annotations

import pathlib
from collections.abc import Collection, Iterator, Mapping

import numpy as np

from pipeline.weights import architecture
from pipeline.weights.casing import is_lower_cased
from pipeline.weights.huggingface.names import HUGGING_FACE, HUGGING_FACE_KERAS
from pipeline.weights.huggingface.tensors import SINGLE, hugging_face_tensors
from pipeline.weights.huggingface.tokenizer import read_tokenizer, write_tokenizer
from pipeline.weights.json_file import read_json, write_json
from pipeline.weights.model_description import ModelDescription
from pipeline.weights.regression_scale import scores_of_head
from pipeline.weights.tensor_file import write_tensors
from pipeline.weights.tensors import (
    CLASSIFIER,
    ENCODER,
    MASKED_LM_HEAD,
    NEXT_SENTENCE_HEAD,
    POOLER,
    PRETRAINER,
)
from pipeline.weights.travelling_model import TravellingModel

CONFIG = "config.json"
_SENTENCE_CONFIG = "sentence_bert_config.json"
_FINE_TUNING_LENGTH = 128  # of BERT's own fine-tuning on GLUE
_PREFIX = "bert."
_OF_TEXTS = "ForSequenceClassification"
_PROBLEMS = (None, "single_label_classification", "regression")
# Settings of ours in config.json, which transformers keeps and ignores.
_OWN = "mnemosyne"


def read_hugging_face(folder: pathlib.Path) -> TravellingModel:
    """Reads a folder of `save_pretrained`.

    Raises:
      FileNotFoundError: a file is missing.
      ValueError: a file is damaged, or the model is no BERT encoder, pretrainer or classifier.
    """
    settings = read_json(folder / CONFIG)
    config = architecture.from_hugging_face(settings, str(folder / CONFIG))
    tokenizer = read_tokenizer(folder)
    tensors = hugging_face_tensors(folder)
    kind = _kind(tensors)
    labels = _labels(settings, tensors, folder) if kind == CLASSIFIER else ()
    is_keras = any(name.endswith(".kernel") for name in tensors)
    names = HUGGING_FACE_KERAS if is_keras else HUGGING_FACE
    weights, absent = names.read(tensors, config, kind, len(labels) or 1)
    if kind == CLASSIFIER:
        _check_that_it_classifies_texts(settings, absent, folder / CONFIG)
    longest = min(tokenizer.max_length or 2**31, config.max_position_embeddings)
    description = ModelDescription(
        kind=kind,
        max_seq_length=min(_sentence_length(folder) or _FINE_TUNING_LENGTH, longest),
        trained_positions=config.max_position_embeddings,
        origin=f"Hugging Face {_architecture(settings)} {_name(settings, folder)}",
        absent=absent,
        labels=labels,
        **_task(settings),
    )
    dtypes = {tensor.dtype for tensor in tensors.values()} - {"F32"}
    notes = [f"stored as {', '.join(sorted(dtypes))}, read as float32"] if dtypes else []
    return TravellingModel(
        weights=weights,
        config=config,
        description=description,
        vocabulary=tokenizer.vocabulary,
        do_lower_case=is_lower_cased(tokenizer.vocabulary, tokenizer.do_lower_case),
        notes=(*notes, *tokenizer.notes),
    )


def _kind(tensors: Mapping) -> str:
    if any(name.startswith("classifier.") for name in tensors):
        return CLASSIFIER
    return PRETRAINER if any(name.startswith("cls.") for name in tensors) else ENCODER


def _check_that_it_classifies_texts(
    settings: Mapping, absent: Collection[str], path: pathlib.Path
) -> None:
    """Other models have a classifier of this name, too, and labels that would mean nothing here."""
    architectures = [str(name) for name in settings.get("architectures") or ()]
    if architectures and not any(name.endswith(_OF_TEXTS) for name in architectures):
        raise ValueError(
            f"{path}: expected a classifier of texts, Bert{_OF_TEXTS}, received "
            f"{', '.join(architectures)}"
        )
    if POOLER in absent:
        raise ValueError(
            f"{path.parent}: expected a classifier on the pooler of the encoder, received one "
            "without a pooler, as models that label tokens are"
        )
    if (problem := settings.get("problem_type")) not in _PROBLEMS:
        raise ValueError(
            f"{path}: expected a problem_type of {', '.join(filter(None, _PROBLEMS))}, or none, "
            f"received {problem}: its labels do not exclude each other"
        )


def _labels(settings: Mapping, tensors: Mapping, folder: pathlib.Path) -> tuple[str, ...]:
    """Strings of the classes in their order; none of a regression."""
    bias = tensors.get("classifier.bias")
    num_outputs = bias.shape[0] if bias and bias.shape else 0
    if num_outputs == 1:
        return ()
    names = settings.get("id2label") or {str(i): f"LABEL_{i}" for i in range(num_outputs)}
    expected = {str(i) for i in range(num_outputs)}
    if not isinstance(names, Mapping) or set(names) != expected:
        raise ValueError(
            f"{folder / CONFIG}: expected in id2label the classes 0 to {num_outputs - 1}, as many "
            f"as classifier.bias has entries, received {names}"
        )
    return tuple(str(names[str(i)]) for i in range(num_outputs))


def _task(settings: Mapping) -> dict:
    """What an export of ours kept of the task; nothing of another folder."""
    own = settings.get(_OWN) if isinstance(settings.get(_OWN), Mapping) else {}
    columns = own.get("sentence_columns") or ()
    return {"task": str(own.get("task") or ""), "sentence_columns": tuple(map(str, columns))}


def _architecture(settings: Mapping) -> str:
    return ", ".join(map(str, settings.get("architectures") or ["BERT"]))


def _name(settings: Mapping, folder: pathlib.Path) -> str:
    return str(settings.get("_name_or_path") or folder.resolve().name)


def _sentence_length(folder: pathlib.Path) -> int | None:
    """Tokens that a model of sentence-transformers was trained with, None of any other."""
    path = folder / _SENTENCE_CONFIG
    length = read_json(path).get("max_seq_length") if path.is_file() else None
    return length if isinstance(length, int) and length > 0 else None


def write_hugging_face(model: TravellingModel, folder: pathlib.Path) -> tuple[str, ...]:
    """Writes a folder that `from_pretrained` of transformers loads.

    Args:
      model: any kind.
      folder: exists.

    Returns:
      Notes on what differs there.
    """
    weights, description = scores_of_head(model.weights, model.description)
    architectures = [_architecture_of(weights, description)]
    settings = {"architectures": architectures, **architecture.to_hugging_face(model.config)}
    settings |= _settings_of_task(description)
    write_json(folder / CONFIG, settings)
    tensors = HUGGING_FACE.write(weights, model.config.num_heads)
    if description.kind == ENCODER:
        tensors = {name.removeprefix(_PREFIX): array for name, array in tensors.items()}
    write_tensors(folder / SINGLE, tensors, {"format": "pt"})
    write_tokenizer(
        folder,
        model.vocabulary,
        do_lower_case=model.do_lower_case,
        max_length=model.config.max_position_embeddings,
    )
    return tuple(_notes(model))


def _notes(model: TravellingModel) -> Iterator[str]:
    yield "a word of more than 100 characters is [UNK] there, here one of more than 200"
    if model.ids != "bert":
        yield f"its text was tokenized with ids={model.ids}; their tokenizer has the rules of bert"
    if model.description.score_range is not None:
        yield "the head was scaled to give the score itself"


def _architecture_of(weights: Mapping[str, np.ndarray], description: ModelDescription) -> str:
    if description.kind != PRETRAINER:
        return {ENCODER: "BertModel", CLASSIFIER: "BertForSequenceClassification"}[description.kind]
    absent = set(description.absent)
    if {POOLER, NEXT_SENTENCE_HEAD} <= absent:
        return "BertForMaskedLM"
    if {MASKED_LM_HEAD, NEXT_SENTENCE_HEAD} <= absent:
        return "BertModel"
    return "BertForPreTraining"


def _settings_of_task(description: ModelDescription) -> dict:
    if description.kind != CLASSIFIER:
        return {}
    labels = description.labels or ("score",)
    own = {"task": description.task, "sentence_columns": list(description.sentence_columns)}
    return {
        "id2label": {str(i): label for i, label in enumerate(labels)},
        "label2id": {label: i for i, label in enumerate(labels)},
        "problem_type": "single_label_classification" if description.labels else "regression",
        _OWN: own,
    }
