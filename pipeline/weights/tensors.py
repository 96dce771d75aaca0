"""The tensors of a BERT: the path and the shape of every variable, from its sizes alone.

So a file of weights is checked before a model is built or a tensor is read.
"""

from __future__ import annotations

from collections.abc import Iterator

import tensorflow as tf
import tf_keras as keras

from models import BertConfig
from models.bert_encoder import BertEncoder

ENCODER, PRETRAINER, CLASSIFIER = "encoder", "pretrainer", "classifier"
KINDS = (ENCODER, PRETRAINER, CLASSIFIER)

POOLER = "encoder/pooler/"
MASKED_LM_HEAD = "masked_lm_head/"
NEXT_SENTENCE_HEAD = "next_sentence_head/"
CLASSIFIER_HEAD = "head/"
# What some origins do not have: all below these paths.
OPTIONAL = (POOLER, MASKED_LM_HEAD, NEXT_SENTENCE_HEAD)
WORD_EMBEDDINGS = "encoder/embeddings/word_embeddings"

Shape = tuple[int, ...]


def tensor_shapes(
    config: BertConfig, kind: str, num_outputs: int = 0
) -> Iterator[tuple[str, Shape]]:
    """Yields path and shape of every variable, one by one: sizes of a bad file may be absurd.

    Args:
      config: the sizes.
      kind: "encoder", "pretrainer" or "classifier".
      num_outputs: of a classifier; 1 for a regression.
    """
    hidden = config.hidden_dim
    yield from _embeddings(config)
    for i in range(config.num_layers):
        for path, shape in _block(config):
            yield f"encoder/layer_{i}/{path}", shape
    yield from _dense("encoder/pooler", hidden, hidden)
    if kind == PRETRAINER:
        yield from _dense("masked_lm_head/transform", hidden, hidden)
        yield from _norm("masked_lm_head/layer_norm", hidden)
        yield "masked_lm_head/output_bias", (config.vocab_size,)
        yield from _dense("next_sentence_head", hidden, 2)
    if kind == CLASSIFIER:
        yield from _dense("head", hidden, num_outputs)


def _embeddings(config: BertConfig):
    for name, rows in (
        ("word", config.vocab_size),
        ("position", config.max_position_embeddings),
        ("segment", config.type_vocab_size),
    ):
        yield f"encoder/embeddings/{name}_embeddings", (rows, config.hidden_dim)
    yield from _norm("encoder/embeddings/layer_norm", config.hidden_dim)


def _block(config: BertConfig):
    hidden, intermediate = config.hidden_dim, config.intermediate_dim
    for name in ("query", "key", "value", "output"):
        yield from _dense(f"attention/{name}", hidden, hidden)
    yield from _norm("attention_layer_norm", hidden)
    yield from _dense("intermediate", hidden, intermediate)
    yield from _dense("output", intermediate, hidden)
    yield from _norm("output_layer_norm", hidden)


def _dense(name: str, inputs: int, units: int):
    yield f"{name}/kernel", (inputs, units)
    yield f"{name}/bias", (units,)


def _norm(name: str, width: int):
    yield f"{name}/gamma", (width,)
    yield f"{name}/beta", (width,)


def variables_by_path(model: keras.Model | BertEncoder) -> dict[str, tf.Variable]:
    """Returns the built variables of an encoder, a pretrainer or a classifier by their path."""
    prefix = "encoder/" if isinstance(model, BertEncoder) else ""
    return {prefix + _below(model.name, variable.name): variable for variable in model.variables}


def _below(owner: str, name: str) -> str:
    """The part of a variable's name below its owner's: "a/b/kernel:0" below "a" is "b/kernel"."""
    parts = name.removesuffix(":0").split("/")
    begin = parts.index(owner) + 1 if owner in parts else 0
    return "/".join(parts[begin:])
