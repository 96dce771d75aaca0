"""Folders of prompts to models that answer: one prompt, or many of one frozen model."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf
import tf_keras as keras

from data_prep.wordpiece import WordpieceTokenizer
from models.prompted_bert import PromptAndHead, PromptedBert
from models.t5.prompted_classifier import PromptedT5Classifier
from pipeline.glue.classifier_training import predictions_from_logits
from pipeline.glue.encoding import encode_texts
from pipeline.glue.initial_weights import InitialEncoder, load_encoder
from pipeline.glue.pretrained_run import read_run
from pipeline.prompts.folder import MARKER, PromptDescription, read_prompt
from pipeline.prompts.frozen_t5 import FrozenT5, answer_ids, load_frozen_t5
from pipeline.prompts.prompted_model import built
from pipeline.weights.model_description import ModelDescription


def load_prompted(path: str) -> tuple[keras.Model, WordpieceTokenizer, ModelDescription]:
    """The frozen model of a prompt with the prompt, as `pipeline.model_loading.load_model`.

    Raises:
      FileNotFoundError: the prompt or the frozen model is not there.
      ValueError: a file is damaged, or the frozen model has other weights than the prompt was
        trained with.
    """
    weights, description = read_prompt(path)
    start = _frozen(path, description)
    _check_width(path, weights, start)
    if description.answers:
        answers = answer_ids(start.tokenizer, description.answers)
        model = PromptedT5Classifier(start.model, answers, len(weights.prompt))
        model.prompt.assign(weights.prompt)
        return model, start.tokenizer, _model_description(description)
    model = built(start.config, len(weights.bias), len(weights.prompt), weights=start.weights)
    model.prompt.assign(weights.prompt)
    model.head.set_weights([weights.kernel, weights.bias])
    return model, start.tokenizer, _model_description(description)


class SharedPrompts:
    """Many prompts of many tasks on one frozen model: a batch may hold rows of all of them.

    Args:
      folders: task or any other name -> folder of its prompt, all of one frozen model.

    Raises:
      FileNotFoundError: a prompt or the frozen model is not there.
      ValueError: there is no prompt, or they are of different models.

    Example:
      `SharedPrompts({"SST-2": a, "RTE": b}).predict([("SST-2", "a good film"), ("RTE", pair)])`
      gives `["1", "entailment"]`.
    """

    def __init__(self, folders: Mapping[str, str]):
        if not folders:
            raise ValueError("SharedPrompts expects at least one prompt, received none")
        found = {name: read_prompt(path) for name, path in folders.items()}
        self.descriptions = {name: description for name, (_, description) in found.items()}
        _check_one_bert(self.descriptions)
        first, path = next(iter(self.descriptions.values())), next(iter(folders.values()))
        self._start = _frozen(path, first)
        for name, (weights, _) in found.items():
            _check_width(folders[name], weights, self._start)
        encoder = built(self._start.config, 1, 1, weights=self._start.weights).encoder
        self._names = list(found)
        self.model = PromptedBert(encoder, [weights for weights, _ in found.values()])

    def predict(self, examples: Sequence[tuple[str, str | tuple[str, str]]]) -> list[str | float]:
        """Answers examples, each with the prompt that it names, in one batch.

        Args:
          examples: name of a prompt, and a text or a pair of texts.

        Returns:
          For each the string of its class, or the score of a regression.

        Raises:
          ValueError: A name is that of no prompt, or its task has another number of texts.
        """
        logits = self.logits(examples)
        return [self._answer(name, row) for (name, _), row in zip(examples, logits, strict=True)]

    def logits(self, examples: Sequence[tuple[str, str | tuple[str, str]]]) -> list[np.ndarray]:
        """float32 `[num_outputs]` of its task for each example, see `predict`."""
        if not examples:
            return []
        features = self._features(examples)
        outputs = self.model(features).numpy()
        widths = [len(self.descriptions[name].labels) or 1 for name, _ in examples]
        return [row[:width] for row, width in zip(outputs, widths, strict=True)]

    def _features(self, examples) -> dict[str, tf.Tensor]:
        rows = []
        for name, texts in examples:
            if name not in self.descriptions:
                raise ValueError(
                    f"predict expects a name of {', '.join(self.descriptions)}, received {name!r}"
                )
            texts = (texts,) if isinstance(texts, str) else texts
            about = self.descriptions[name]
            if len(texts) != len(about.sentence_columns):
                raise ValueError(
                    f"predict expects {len(about.sentence_columns)} of {name}, its "
                    f"{' and '.join(about.sentence_columns)}, received {len(texts)} texts"
                )
            columns = [[text] for text in texts]
            rows.append(encode_texts(columns, self._start.tokenizer, about.max_seq_length))
        width = max(int(row["input_mask"].sum()) for row in rows)
        features = {
            key: tf.constant(np.concatenate([_fitted(row[key], width) for row in rows]))
            for key in rows[0]
        }
        indices = [self._names.index(name) for name, _ in examples]
        return features | {"task_index": tf.constant(indices, tf.int32)}

    def _answer(self, name: str, logits: np.ndarray) -> str | float:
        description = self.descriptions[name]
        if description.labels:
            return description.labels[int(logits.argmax())]
        [score] = predictions_from_logits(
            logits[np.newaxis], is_regression=True, score_range=description.score_range
        )
        return float(score)


def _frozen(path: str, description: PromptDescription) -> InitialEncoder | FrozenT5:
    try:
        if description.answers:
            start = load_frozen_t5(description.checkpoint)
        else:
            run = read_run(description.checkpoint)
            start = load_encoder(run, dropout=0.0, random_init=False, seed=0)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{path}: its frozen model is not there: {error}. If it was moved, correct "
            f"'checkpoint' in {MARKER}"
        ) from error
    if start.weights_hash != description.encoder_hash:
        raise ValueError(
            f"{path}: expected the weights that the prompt was trained with (hash "
            f"{description.encoder_hash}), received others ({start.weights_hash}) in "
            f"{description.checkpoint}. Train the prompt anew, or name the old model as "
            f"'checkpoint' in {MARKER}"
        )
    return start


def _check_width(path: str, weights: PromptAndHead, start: InitialEncoder | FrozenT5) -> None:
    config = start.model.config if isinstance(start, FrozenT5) else start.config
    if weights.prompt.shape[1] != config.hidden_dim:
        raise ValueError(
            f"{os.fspath(path)}: expected vectors of the width {config.hidden_dim} of the "
            f"frozen model, received {weights.prompt.shape[1]}"
        )


def _check_one_bert(descriptions: Mapping[str, PromptDescription]) -> None:
    if words := [name for name, each in descriptions.items() if each.answers]:
        raise ValueError(f"SharedPrompts expects prompts of a BERT, received {words[0]} of a T5")
    if len({each.encoder_hash for each in descriptions.values()}) > 1:
        found = ", ".join(f"{name} {each.encoder_hash}" for name, each in descriptions.items())
        raise ValueError(f"SharedPrompts expects prompts of one frozen model, received {found}")


def _fitted(rows: np.ndarray, width: int) -> np.ndarray:
    """Rows `[1, seq_len]` cut or padded to `width`."""
    rows = rows[:, :width]
    return np.pad(rows, [(0, 0), (0, width - rows.shape[1])])


def _model_description(description: PromptDescription) -> ModelDescription:
    said = dataclasses.asdict(description)
    same = ("max_seq_length", "task", "labels", "score_range", "sentence_columns", "metrics")
    return ModelDescription(
        kind="classifier",
        trained_positions=description.max_seq_length,
        origin=f"{description.checkpoint} with a prompt of {description.prompt_length} vectors",
        **{name: said[name] for name in same},
    )
