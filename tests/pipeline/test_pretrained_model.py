"""`load_pretrained`: raw strings in; vectors, labels and words out."""

import numpy as np
import pytest
import tensorflow as tf

from models import BertPretrainer
from models.bert_classifier import BertClassifier
from models.bert_encoder import BertEncoder
from pipeline import load_pretrained
from pipeline.weights.model_description import ModelDescription
from pipeline.weights.model_folder import save_model_folder


@pytest.fixture
def saved(pretrained_run, tmp_path):
    """Returns `make(kind, ...)`: a model folder with random weights, and its Keras model."""

    def make(kind, num_outputs=0, **description):
        config = load_pretrained(pretrained_run).encoder.config
        model = {
            "encoder": lambda: BertEncoder(config, name="encoder"),
            "pretrainer": lambda: BertPretrainer(config, name="pretrainer"),
            "classifier": lambda: BertClassifier(config, num_outputs),
        }[kind]()
        names = ("input_ids", "input_mask", "segment_ids", "masked_lm_positions")
        model({name: tf.ones([1, 2], tf.int32) for name in names})
        description = ModelDescription(
            kind=kind, max_seq_length=8, trained_positions=8, **description
        )
        vocab_file = str(pretrained_run / "vocab.txt")
        save_model_folder(
            tmp_path / kind, model, description, vocab_file=vocab_file, do_lower_case=True
        )
        return tmp_path / kind, model

    return make


def logits_of(model, ids, first_segment):
    """The logits of one row of tokens without padding."""
    ids = tf.constant([ids])
    segments = tf.constant([[0] * first_segment + [1] * (ids.shape[1] - first_segment)])
    features = {"input_ids": ids, "input_mask": tf.ones_like(ids), "segment_ids": segments}
    return model(features).numpy()[0]


# Logits of a few units from sums of at most 300 float32 operations, in another order.
ERROR = 300 * float(np.finfo(np.float32).eps)


def test_fill_mask_names_the_entry_that_the_decoder_prefers(pretrained_run):
    (first, second) = load_pretrained(pretrained_run).fill_mask("The [MASK] sat on [MASK]", top_k=2)
    assert first[0][0] == second[0][0] == "cat"
    # A bias of 50 leaves the nine others less than 10 e^-40, for any logits in [-10, 10].
    assert first[0][1] == pytest.approx(1.0, abs=1e-6)
    assert len(first) == 2


def test_a_vector_is_the_mean_over_the_real_tokens(pretrained_run):
    bert = load_pretrained(pretrained_run)
    ids = tf.constant([[2, 5, 6, 3]])
    features = {"input_ids": ids, "input_mask": tf.ones_like(ids), "segment_ids": ids * 0}
    expected = bert.model.encoder(features)[0].numpy()[0].mean(axis=0)
    # The same text alone and next to a longer one, whose padding must not count.
    vectors = bert.encode(["the cat", "the cat sat on the mat"])
    assert vectors.shape == (2, 8)
    # Layer-normalised outputs are of order 1; a few hundred float32 operations in another order.
    np.testing.assert_allclose(vectors[0], expected, atol=300 * np.finfo(np.float32).eps)


def test_one_checkpoint_can_be_named(pretrained_run):
    one = load_pretrained(pretrained_run / "checkpoints" / "ckpt-1")
    newest = load_pretrained(pretrained_run)
    np.testing.assert_array_equal(one.encode(["the cat"]), newest.encode(["the cat"]))
    with pytest.raises(FileNotFoundError, match="No checkpoint under .* has a held-out loss"):
        load_pretrained(pretrained_run / "checkpoints" / "best")


def test_no_texts_give_no_vectors(pretrained_run):
    assert load_pretrained(pretrained_run).encode([]).shape == (0, 8)


def test_one_string_instead_of_a_list_is_refused(pretrained_run):
    with pytest.raises(ValueError, match="expects a list of texts"):
        load_pretrained(pretrained_run).encode("the cat")


def test_a_text_without_a_mask_is_refused(pretrained_run):
    with pytest.raises(ValueError, match=r"expects a text with \[MASK\]"):
        load_pretrained(pretrained_run).fill_mask("the cat")


def test_a_text_longer_than_the_trained_length_is_refused_for_masks(pretrained_run):
    with pytest.raises(ValueError, match="at most 8 tokens"):
        load_pretrained(pretrained_run).fill_mask("[MASK] the cat sat on the mat")


def test_a_longer_text_is_truncated_for_vectors(pretrained_run):
    bert = load_pretrained(pretrained_run)
    long, cut = bert.encode(["the cat sat on the mat the cat", "the cat sat on the mat"])
    np.testing.assert_array_equal(long, cut)


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="mnemosyne pretrain"):
        load_pretrained(tmp_path)


def test_a_classifier_names_the_most_probable_label(saved):
    folder, model = saved(
        "classifier", 3, task="T", labels=("no", "so-so", "yes"), sentence_columns=("text",)
    )
    bert = load_pretrained(folder)
    logits = logits_of(model, [2, 5, 6, 3], first_segment=4)
    expected = np.exp(logits) / np.exp(logits).sum()
    texts = ["the cat sat on the mat", "the cat"]
    np.testing.assert_allclose(bert.probabilities(texts)[1], expected, rtol=0, atol=ERROR)
    prediction = bert.predict(texts)[1]
    assert prediction.label == ("no", "so-so", "yes")[expected.argmax()]
    assert prediction.probability == pytest.approx(expected.max(), abs=ERROR)


def test_pairs_are_two_segments(saved):
    folder, model = saved("classifier", 2, task="T", labels=("0", "1"), sentence_columns=("a", "b"))
    logits = logits_of(model, [2, 5, 6, 3, 7, 3], first_segment=4)
    expected = np.exp(logits) / np.exp(logits).sum()
    received = load_pretrained(folder).probabilities([("the cat", "sat")])[0]
    np.testing.assert_allclose(received, expected, rtol=0, atol=ERROR)


def test_a_regression_gives_scores_in_its_range(saved):
    folder, model = saved(
        "classifier", 1, task="T", score_range=(1.0, 5.0), sentence_columns=("text",)
    )
    model.head.bias.assign([9.0])
    save_again(folder, model)
    assert load_pretrained(folder).predict(["the cat"]).tolist() == [5.0]
    logit = 0.25 - (logits_of(model, [2, 5, 6, 3], 4)[0] - 9.0)
    model.head.bias.assign([logit])
    save_again(folder, model)
    # A logit of 0.25 lies at 5/8 of [-1, 1], as 3.5 of [1, 5].
    assert load_pretrained(folder).predict(["the cat"])[0] == pytest.approx(3.5, abs=4 * ERROR)


def test_a_regression_without_a_range_gives_what_its_head_gives(saved):
    folder, model = saved("classifier", 1, task="T", sentence_columns=("text",))
    logit = logits_of(model, [2, 5, 6, 3], 4)[0]
    assert load_pretrained(folder).predict(["the cat"])[0] == pytest.approx(logit, abs=ERROR)


def save_again(folder, model):
    """Saves changed weights under the description that the folder has."""
    description = load_pretrained(folder).description
    save_model_folder(
        folder, model, description, vocab_file=str(folder / "vocab.txt"), do_lower_case=True
    )


def test_many_texts_give_the_vectors_of_each_alone(pretrained_run):
    bert = load_pretrained(pretrained_run)
    words = ["the", "cat", "sat", "on", "mat"]
    texts = [" ".join(words[: 1 + i % 5]) for i in range(40)]
    together = bert.encode(texts, batch_size=4)  # ten batches: with a graph
    alone = np.concatenate([bert.encode([text]) for text in texts])
    # Layer-normalised outputs are of order 1; a few hundred float32 operations in another order.
    np.testing.assert_allclose(together, alone, rtol=0, atol=ERROR)


@pytest.mark.parametrize("kind", ["encoder", "pretrainer"])
def test_what_has_no_classes_says_how_to_get_them(saved, kind):
    folder, _ = saved(kind)
    with pytest.raises(ValueError, match="expects a classifier, received .*mnemosyne glue"):
        load_pretrained(folder).predict(["the cat"])


def test_an_encoder_alone_encodes_and_fills_no_mask(saved):
    folder, model = saved("encoder")
    bert = load_pretrained(folder)
    ids = tf.constant([[2, 5, 6, 3]])
    features = {"input_ids": ids, "input_mask": tf.ones_like(ids), "segment_ids": ids * 0}
    expected = model(features)[0].numpy()[0].mean(axis=0)
    np.testing.assert_allclose(bert.encode(["the cat"])[0], expected, rtol=0, atol=ERROR)
    with pytest.raises(ValueError, match="masked-LM head, received an encoder alone"):
        bert.fill_mask("the [MASK]")


def test_a_pretrained_model_without_the_head_fills_no_mask(saved):
    folder, _ = saved("pretrainer", absent=("masked_lm_head/",))
    with pytest.raises(ValueError, match="a pre-trained model without masked_lm_head/"):
        load_pretrained(folder).fill_mask("the [MASK]")


@pytest.mark.parametrize("texts", [["the cat"], [("the", "cat", "sat")], "the cat"])
def test_a_task_of_pairs_refuses_what_are_none(saved, texts):
    folder, _ = saved("classifier", 2, labels=("0", "1"), sentence_columns=("a", "b"))
    with pytest.raises(ValueError, match=r"expects a list of pairs \(a, b\)"):
        load_pretrained(folder).predict(texts)


def test_a_task_of_single_texts_refuses_pairs(saved):
    folder, _ = saved("classifier", 2, labels=("0", "1"), sentence_columns=("text",))
    with pytest.raises(ValueError, match="predict expects strings, received .'the', 'cat'"):
        load_pretrained(folder).predict([("the", "cat")])


def test_a_classifier_that_does_not_say_what_it_takes_takes_both(saved):
    folder, model = saved("classifier", 2, labels=("a", "b"))
    bert = load_pretrained(folder)
    expected = tf.nn.softmax(logits_of(model, [2, 5, 3, 6, 3], 3)).numpy()
    given = bert.probabilities([("the", "cat")])[0]
    np.testing.assert_allclose(given, expected, rtol=0, atol=ERROR)
    assert len(bert.predict(["the cat"])) == 1
    assert bert.predict([]) == []
    with pytest.raises(ValueError, match="or of strings.*received"):
        bert.predict([None])


def test_counts_are_one_or_more_and_a_text_is_a_string(pretrained_run):
    bert = load_pretrained(pretrained_run)
    with pytest.raises(ValueError, match="batch_size must be 1 or more, received 0"):
        bert.encode(["the cat"], batch_size=0)
    with pytest.raises(ValueError, match="top_k must be 1 or more, received -1"):
        bert.fill_mask("the [MASK]", top_k=-1)
    with pytest.raises(ValueError, match="fill_mask expects strings, received 5"):
        bert.fill_mask(5)
