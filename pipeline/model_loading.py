"""The folder of a run or of a model -> a built Keras model, its tokenizer and its description."""

from __future__ import annotations

import numpy as np
import tf_keras as keras

from data_prep.wordpiece import WordpieceTokenizer
from models import BertPretrainer
from models.bert_classifier import BertClassifier
from models.bert_encoder import BertEncoder
from pipeline.glue.pretrained_run import read_run
from pipeline.masked_words import features_of
from pipeline.prompts.folder import is_prompt_folder
from pipeline.prompts.loading import load_prompted
from pipeline.run.checkpoints import load_pretrained_model
from pipeline.weights.model_description import ModelDescription
from pipeline.weights.model_folder import (
    ModelFolder,
    is_model_folder,
    load_weights,
    read_model_folder,
)


def load_model(path: str) -> tuple[keras.Model, WordpieceTokenizer, ModelDescription]:
    """Builds the model of a folder and loads its weights.

    Args:
        path: a run, one of its checkpoints, a model folder, or the folder of a prompt.

    Raises:
        FileNotFoundError: the folder has no configuration, vocabulary or weights.
        ValueError: the weights do not fit the configuration.
    """
    if is_prompt_folder(path):
        return load_prompted(path)
    if is_model_folder(path):
        folder = read_model_folder(path)
        model = _built(folder)
        load_weights(folder, model)
        tokenizer = WordpieceTokenizer(
            folder.vocab_file, do_lower_case=folder.do_lower_case, ids=folder.ids
        )
        return model, tokenizer, folder.description
    run = read_run(path)
    tokenizer = WordpieceTokenizer(run.vocab_file, do_lower_case=run.do_lower_case, ids=run.ids)
    model = BertPretrainer(run.config)
    _make_variables(model)
    load_pretrained_model(model, run.directory)
    length = run.trained_positions
    description = ModelDescription(
        kind="pretrainer", max_seq_length=length, trained_positions=length, origin=path
    )
    return model, tokenizer, description


def _built(folder: ModelFolder) -> keras.Model:
    kind = folder.description.kind
    if kind == "classifier":
        model = BertClassifier(folder.config, folder.description.num_outputs)
    else:
        make = {"encoder": BertEncoder, "pretrainer": BertPretrainer}[kind]
        model = make(folder.config, name=kind)
    _make_variables(model)
    return model


def _make_variables(model: keras.Model) -> None:
    model(features_of(np.ones([1, 2], np.int32), np.zeros([1, 1], np.int32)))
