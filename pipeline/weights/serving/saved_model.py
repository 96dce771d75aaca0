"""A TensorFlow SavedModel with the tokenizer inside: strings in, vectors or labels out.

What loads it needs TensorFlow and the operations of tensorflow-text, nothing of this package.
"""

from __future__ import annotations

import os
import pathlib
import tempfile
from collections.abc import Callable, Sequence

import tensorflow as tf
import tf_keras as keras

from data_prep import storage
from data_prep.wordpiece import WordpieceTokenizer
from models.bert_encoder import BertEncoder
from pipeline.weights.model_description import ModelDescription
from pipeline.weights.serving.graph_tokenizer import GraphTokenizer, compare_ids
from pipeline.weights.serving.network import serving_network
from pipeline.weights.tensors import CLASSIFIER
from pipeline.weights.travelling_model import TravellingModel

# What tokenizers disagree on, where they do; the entries of the vocabulary come on top.
_PROBES = (
    "Don't stop: 3.5% of U.S. users…",
    "ÀÉÎõü ﬁ ½ Å straße ΑΣ ΣΑΣ İstanbul",
    "中文 ab中cd 한국어 ひらがな",
    "a\u00a0b\u2003c\u2028d\u200be\ufffdf\x00g\x85h",
    "x" * 150,
    "x" * 250,
    "[MASK] [CLS] [unused1] ##s",
    "",
)


def write_saved_model(model: TravellingModel, folder: pathlib.Path) -> tuple[str, ...]:
    """Writes a SavedModel with the signature `serving_default`.

    Inputs: `text`, strings `[batch]`; of a classifier of pairs `pair`, too. A classifier of another
    library does not say which it is: its `serving_default` takes `text` alone, and a signature
    `pairs` takes both.
    Outputs: of a classifier `label`, strings `[batch]`, and `probabilities` `[batch, classes]`; of
    a regression `score` `[batch]`; of any other model `vectors` `[batch, hidden]`, the mean over
    all real tokens, and `pooled_output` `[batch, hidden]`.

    Args:
      model: any kind.
      folder: exists.

    Returns:
      Notes on texts whose ids differ from those of training.
    """
    tokenizer, differing = _tokenizer(model, folder)
    network = serving_network(model)
    module = tf.Module()
    # The layers stay out of sight: what is saved is variables and one function.
    module.weights, module.tokenizer = list(network.variables), tokenizer
    signatures = {
        name: _serving_function(model, network, tokenizer, inputs)
        for name, inputs in _inputs(model.description).items()
    }
    module.serve = signatures["serving_default"]
    tf.saved_model.save(module, str(folder), signatures=signatures)
    if len(signatures) > 1:
        differing.append("whether it takes texts or pairs is not recorded: it has both signatures")
    return tuple(differing)


def _inputs(description: ModelDescription) -> dict[str, tuple[str, ...]]:
    """The names of the inputs of each signature."""
    if description.kind != CLASSIFIER or len(description.sentence_columns) == 1:
        return {"serving_default": ("text",)}
    if description.sentence_columns:
        return {"serving_default": ("text", "pair")}
    return {"serving_default": ("text",), "pairs": ("text", "pair")}


def _tokenizer(model: TravellingModel, folder: pathlib.Path) -> tuple[GraphTokenizer, list[str]]:
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        vocab_file = os.path.join(temporary, "vocab.txt")
        storage.write_whole(vocab_file, model.vocabulary)
        rules = {"do_lower_case": model.do_lower_case, "ids": model.ids}
        ours = WordpieceTokenizer(vocab_file, **rules)
    longest = model.description.trained_positions
    graph = GraphTokenizer(ours.vocab, **rules, max_seq_length=longest)
    differing = compare_ids(graph, ours, [*_PROBES, *ours.vocab])
    shown = ", ".join(map(repr, differing[:3]))
    notes = ["characters that one of Unicode's versions does not know may get other ids"]
    if differing:
        notes.append(f"ids differ from those of training in {len(differing)} texts tried: {shown}")
    return graph, notes


def _serving_function(
    model: TravellingModel,
    network: keras.Model | BertEncoder,
    tokenizer: GraphTokenizer,
    inputs: Sequence[str],
) -> Callable:
    description = model.description
    signature = [tf.TensorSpec([None], tf.string, name) for name in inputs]
    answer = _labels if description.kind == CLASSIFIER else _vectors

    @tf.function(input_signature=signature)
    def serve(*texts):
        return answer(network, tokenizer.features(*texts), description)

    return serve


def _vectors(encoder, features, _) -> dict[str, tf.Tensor]:
    sequence_output, pooled_output = encoder(features)
    weights = tf.cast(features["input_mask"], tf.float32)[:, :, tf.newaxis]
    sums = tf.reduce_sum(sequence_output * weights, axis=1)
    return {"vectors": sums / tf.reduce_sum(weights, axis=1), "pooled_output": pooled_output}


def _labels(classifier, features, description) -> dict[str, tf.Tensor]:
    logits = classifier(features)
    if not description.labels:
        return {"score": scores(logits[:, 0], description.score_range)}
    labels = tf.constant(description.labels)
    return {
        "label": tf.gather(labels, tf.argmax(logits, axis=-1)),
        "probabilities": tf.nn.softmax(logits),
    }


def scores(outputs: tf.Tensor, score_range: Sequence[float] | None) -> tf.Tensor:
    """Scores of a regression's outputs, both `[batch]`; see `ModelDescription.score_range`."""
    if score_range is None:
        return outputs
    low, high = score_range
    return tf.clip_by_value((outputs + 1.0) * (high - low) / 2.0 + low, low, high)
