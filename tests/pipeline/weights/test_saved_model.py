"""A SavedModel gives what the model gives, from strings; its ids are those of training."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from numeric_bounds import float32_error

from data_prep.wordpiece import WordpieceTokenizer
from pipeline import load_pretrained
from pipeline.glue.encoding import encode_texts
from pipeline.weights.export.export_model import export_model
from pipeline.weights.model_folder import read_model_folder
from pipeline.weights.serving.graph_tokenizer import GraphTokenizer, compare_ids
from pipeline.weights.serving.saved_model import scores

ROW = ("input_ids", "input_mask", "segment_ids")
TEXTS = ["the cat sat", "The dogs, unable! to run on the mat the cat sat on", "", "mat"]
# Layer-normalised outputs are of order 1; a few hundred float32 operations in another order.
ERROR = 300 * np.finfo(np.float32).eps


@pytest.mark.slow
def test_vectors_are_those_of_python(saved, tmp_path):
    folder = saved("pretrainer")
    export_model(folder, tmp_path / "served", "savedmodel")
    serve = tf.saved_model.load(tmp_path / "served").signatures["serving_default"]
    vectors = serve(text=tf.constant(TEXTS))["vectors"]
    np.testing.assert_allclose(vectors, load_pretrained(folder).encode(TEXTS), atol=ERROR)
    assert serve(text=tf.constant([], tf.string))["vectors"].shape == (0, 8)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("columns", "signature"), [(("premise", "hypothesis"), "serving_default"), ((), "pairs")]
)
def test_a_classifier_of_pairs_gives_what_predict_gives(
    saved, config, tmp_path, bert_numpy, columns, signature
):
    config = dataclasses.replace(config, hidden_act="gelu_new")  # that of bert_numpy
    folder = saved("classifier", config=config, sentence_columns=columns)
    export_model(folder, tmp_path / "served", "savedmodel")
    python = load_pretrained(folder)
    pairs = list(zip(TEXTS, reversed(TEXTS), strict=True))
    signatures = tf.saved_model.load(tmp_path / "served").signatures
    assert len(signatures) == (1 if columns else 2)
    first, second = (tf.constant(texts) for texts in zip(*pairs, strict=True))
    outputs = signatures[signature](text=first, pair=second)
    # Both are float32.
    error = 2 * probabilities_error(read_model_folder(folder), pairs, bert_numpy)
    given = outputs["probabilities"].numpy()
    np.testing.assert_allclose(given, python.probabilities(pairs), rtol=0, atol=error)
    top, second_best = np.sort(given)[:, -1], np.sort(given)[:, -2]
    assert (top - second_best > 2 * error).all()  # so that rounding decides no label
    assert [label.decode() for label in outputs["label"].numpy()] == [
        prediction.label for prediction in python.predict(pairs)
    ]


def probabilities_error(folder, pairs, bert_numpy):
    """How far rounding moves the probabilities of pairs."""
    names = list(folder.tensors)
    features = encode_texts(
        list(zip(*pairs, strict=True)),
        WordpieceTokenizer(folder.vocab_file),
        folder.description.trained_positions,
    )
    rows = list(zip(*(features[name] for name in ROW), strict=True))

    def probabilities(*values):
        weights = dict(zip(names, values, strict=True))
        first = [bert_numpy.encode(*row, weights, folder.config)[0] for row in rows]
        pooled = np.tanh(bert_numpy.dense(np.stack(first), weights, "encoder/pooler"))
        return bert_numpy.softmax(bert_numpy.dense(pooled, weights, "head"))

    # The longest sum has 16 products and a bias, GELU and a norm have some ten roundings each.
    values = (tensor.read() for tensor in folder.tensors.values())
    return float32_error(probabilities, *values, operations=16 + 1 + 2 * 10)


def test_a_regression_gives_scores_within_its_range():
    outputs = tf.constant([-1.0, 0.0, 0.5, 9.0])
    np.testing.assert_array_equal(scores(outputs, (0.0, 5.0)), [0.0, 2.5, 3.75, 5.0])
    np.testing.assert_array_equal(scores(outputs, None), outputs)


def sample_of_unicode():
    """A word around every eleventh character; not of planes that Unicode still fills."""
    codes = [*range(0x20, 0xD800, 11), *range(0xE000, 0x10000, 11), *range(0x20000, 0x2A6DF, 997)]
    return [f"a{chr(code)}b" for code in codes]


@pytest.mark.parametrize("do_lower_case", [True, False])
def test_ids_are_those_of_training(vocab_file, do_lower_case):
    ours = WordpieceTokenizer(vocab_file, do_lower_case=do_lower_case)
    graph = GraphTokenizer(ours.vocab, do_lower_case=do_lower_case, ids="bert", max_seq_length=8)
    texts = [*sample_of_unicode(), "x" * 200, "x" * 201, "ΑΣ ΣΑΣ", "[MASK] a\u2028b", "don't", ""]
    assert compare_ids(graph, ours, texts) == []


def test_ids_of_tf_text_stay_those_of_tf_text(vocab_file):
    ours = WordpieceTokenizer(vocab_file, ids="tf_text")
    graph = GraphTokenizer(ours.vocab, do_lower_case=True, ids="tf_text", max_seq_length=8)
    assert compare_ids(graph, ours, ["the cats… sat", "unable [MASK]", ""]) == []


def test_a_difference_is_found(vocab_file):
    ours = WordpieceTokenizer(vocab_file, do_lower_case=False)
    graph = GraphTokenizer(ours.vocab, do_lower_case=True, ids="bert", max_seq_length=8)
    assert compare_ids(graph, ours, ["the", "The"]) == ["The"]
