"""A SavedModel gives what the model gives, from strings; its ids are those of training."""

import numpy as np
import pytest
import tensorflow as tf

from data_prep.wordpiece import WordpieceTokenizer
from models import BertClassifier
from pipeline import load_pretrained
from pipeline.glue.encoding import encode_texts
from pipeline.weights.export.export_model import export_model
from pipeline.weights.model_folder import load_weights, read_model_folder
from pipeline.weights.serving.graph_tokenizer import GraphTokenizer, compare_ids
from pipeline.weights.serving.saved_model import scores

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


@pytest.mark.slow
def test_a_classifier_of_pairs_gives_labels_and_probabilities(saved, tmp_path):
    folder = read_model_folder(saved("classifier", sentence_columns=("premise", "hypothesis")))
    export_model(folder.path, tmp_path / "served", "savedmodel")
    pairs = (TEXTS, list(reversed(TEXTS)))
    tokenizer = WordpieceTokenizer(folder.vocab_file)
    features = encode_texts(pairs, tokenizer, folder.description.trained_positions)
    model = BertClassifier(folder.config, 3)
    logits = model(features)
    load_weights(folder, model)
    logits = model(features)
    serve = tf.saved_model.load(tmp_path / "served").signatures["serving_default"]
    outputs = serve(text=tf.constant(pairs[0]), pair=tf.constant(pairs[1]))
    np.testing.assert_allclose(outputs["probabilities"], tf.nn.softmax(logits), atol=ERROR)
    labels = [folder.description.labels[i].encode() for i in np.argmax(logits, axis=-1)]
    assert outputs["label"].numpy().tolist() == labels


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
