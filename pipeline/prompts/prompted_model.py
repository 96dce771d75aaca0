"""A frozen encoder and the start of a prompt to a built `PromptedBertClassifier`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
import tf_keras as keras

from models.bert_config import BertConfig
from models.prompted_bert import PromptAndHead, PromptedBertClassifier
from pipeline.glue.files.examples import Examples
from pipeline.glue.initial_weights import InitialEncoder
from pipeline.glue.task import GlueTask
from pipeline.prompts.class_words import class_words
from pipeline.prompts.initial_prompt import initial_prompt
from pipeline.prompts.settings import RANDOM, PromptSettings

_FEATURES = ("input_ids", "input_mask", "segment_ids")


def build_model(
    task: GlueTask, train: Examples, start: InitialEncoder, settings: PromptSettings
) -> PromptedBertClassifier:
    """The model that is trained: its prompt begins as the settings say, its head is drawn.

    Args:
      task: Which.
      train: Its training examples.
      start: The encoder.
      settings: With the seed.
    """
    model = built(
        start.config,
        task.num_outputs,
        settings.prompt_length,
        weights=start.weights,
        seed=settings.seed,
    )
    embeddings = model.encoder.embeddings
    prompt = initial_prompt(
        settings.prompt_init,
        settings.prompt_length,
        embeddings.word_embeddings.numpy(),
        start.tokenizer,
        texts=train.texts,
        class_words=class_words(task),
        seed=settings.seed,
    )
    if settings.prompt_init != RANDOM:
        prompt = prompt + _position_and_segment(embeddings, len(prompt))
    model.prompt.assign(prompt)
    return model


def built(
    config: BertConfig,
    num_outputs: int,
    prompt_length: int,
    *,
    weights: Sequence[np.ndarray],
    seed: int = 0,
) -> PromptedBertClassifier:
    """A model with the given encoder weights; prompt and head are drawn with `seed`."""
    keras.utils.set_random_seed(seed)
    model = PromptedBertClassifier(config, num_outputs, prompt_length)
    features = {name: tf.ones([1, 2], tf.int32) for name in _FEATURES}
    model.encoder(features)  # its pooler too, which no prompt reads: the weights are of all
    model(features)
    model.encoder.set_weights(weights)
    return model


def prompt_and_head(model: PromptedBertClassifier) -> PromptAndHead:
    """What is trained of a model, as arrays."""
    kernel, bias = model.head.get_weights()
    return PromptAndHead(model.prompt.numpy(), kernel, bias)


def _position_and_segment(embeddings, length: int) -> np.ndarray:
    """What a word of the first segment at positions 1, 2, ... has besides its own embedding."""
    table = embeddings.position_embeddings.numpy()
    positions = 1 + np.arange(length) % (len(table) - 1)
    return table[positions] + embeddings.segment_embeddings.numpy()[0]
