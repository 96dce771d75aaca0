import numpy as np
import pytest
import tensorflow as tf
from numeric_bounds import rounding

from models.t5 import T5, T5Config
from models.t5.prompted_classifier import PromptedT5Classifier

CONFIG = T5Config(vocab_size=30, hidden_dim=12, intermediate_dim=20, num_layers=1, num_heads=2)
ANSWERS = np.array([[7, 9, 1], [8, 1, 0]], np.int32)


@pytest.fixture(name="model")
def fixture_model():
    t5 = T5(CONFIG)
    ids = tf.ones([1, 1], tf.int32)
    t5({"input_ids": ids, "input_mask": ids, "decoder_input_ids": ids})
    model = PromptedT5Classifier(t5, ANSWERS, prompt_length=4)
    model(texts())
    return model


def texts():
    rng = np.random.default_rng(0)
    return {
        "input_ids": rng.integers(1, 30, (3, 5)).astype(np.int32),
        "input_mask": (np.arange(5) < [[5], [3], [4]]).astype(np.int32),
    }


def test_a_score_is_the_log_likelihood_of_the_words_of_a_class(model):
    found = model(texts()).numpy()
    prompts = tf.repeat(model.prompt[tf.newaxis], 3, axis=0)
    for column, words in enumerate(([7, 9, 1], [8, 1])):
        decoder_ids = np.tile([0, *words[:-1]], [3, 1]).astype(np.int32)
        logits = model.t5({**texts(), "decoder_input_ids": decoder_ids}, prompts)
        likelihoods = tf.nn.log_softmax(logits).numpy()
        expected = sum(likelihoods[:, i, word] for i, word in enumerate(words))
        # The same sums in another order: two blocks of some 40 roundings each, and those of a
        # softmax over 30 entries, of values below 20.
        np.testing.assert_allclose(found[:, column], expected, atol=rounding(2 * 40 + 30) * 20)


def test_the_prompt_is_all_that_trains(model):
    assert [tuple(variable.shape) for variable in model.trainable_variables] == [(4, 12)]


def test_the_prompt_has_a_gradient(model):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(texts())[:, 0])
    [gradient] = tape.gradient(loss, model.trainable_variables)
    assert np.all(np.any(gradient.numpy() != 0, axis=1))
