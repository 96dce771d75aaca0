import functools

import numpy as np
import pytest
import tensorflow as tf
from numeric_bounds import float32_error

from models import BertPretrainer

# Roundings of the longest single step between two weights, a layer norm of width 8: its mean 8, its
# variance 10, root, quotient, gain and bias 4, and the residual before it 1; rounded up. Softmax
# over 10 positions has 10 + 4, the products of width 16 have 17.
OPERATIONS = 24


@pytest.fixture(scope="module")
def model(bert_config):
    """A pretrainer whose weights are all random, biases and gains too."""
    model = BertPretrainer(bert_config)
    ones = tf.ones([1, 10], tf.int32)
    model(
        {
            "input_ids": ones,
            "input_mask": ones,
            "segment_ids": ones * 0,
            "masked_lm_positions": ones[:, :3],
        }
    )
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(0, 0.5, w.shape).astype(np.float32) for w in model.get_weights()])
    return model


def weights_by_path(model):
    return {
        v.name.split("/", 1)[1].removesuffix(":0"): v.numpy().astype(np.float64)
        for v in model.trainable_variables
    }


@pytest.fixture
def reference(model, bert_config, pretraining_batch, bert_numpy):
    """Logits by name `[4, ...]` in float64, and how far those of float32 may lie from them."""
    batch, weights = pretraining_batch(), weights_by_path(model)

    def logits(head, *values):
        by_path = dict(zip(weights, values, strict=True))
        masked_lm, next_sentence = [], []
        for row in range(4):
            inputs = [batch[name][row] for name in ("input_ids", "input_mask", "segment_ids")]
            hidden = bert_numpy.encode(*inputs, by_path, bert_config)
            positions = batch["masked_lm_positions"][row]
            masked_lm.append(bert_numpy.masked_lm_logits(hidden, positions, by_path))
            next_sentence.append(bert_numpy.next_sentence_logits(hidden, by_path))
        return np.array((masked_lm, next_sentence)[head])

    values = list(weights.values())
    return {
        name: (
            logits(head, *values),
            float32_error(functools.partial(logits, head), *values, operations=OPERATIONS),
        )
        for head, name in enumerate(("masked_lm_logits", "next_sentence_logits"))
    }


def test_logits_equal_the_numpy_reference(model, reference, pretraining_batch):
    outputs = model(pretraining_batch())
    for name, (expected, error) in reference.items():
        np.testing.assert_allclose(outputs[name], expected, rtol=0, atol=error)


def test_number_of_weights_is_that_of_the_paper(model):
    embeddings = (50 + 12 + 2) * 8 + 2 * 8
    block = 4 * (8 * 8 + 8) + (8 * 16 + 16) + (16 * 8 + 8) + 2 * 2 * 8
    heads = (8 * 8 + 8) + (8 * 8 + 8 + 2 * 8 + 50) + (8 * 2 + 2)
    assert model.count_params() == embeddings + 2 * block + heads


def test_padding_does_not_change_the_logits(model, reference, pretraining_batch):
    batch = pretraining_batch()
    padded = {**batch, "input_ids": np.where(batch["input_mask"] == 1, batch["input_ids"], 7)}
    expected, error = reference["masked_lm_logits"]
    np.testing.assert_allclose(model(padded)["masked_lm_logits"], expected, rtol=0, atol=error)


def test_decoder_is_the_embedding_table(model, pretraining_batch):
    with tf.GradientTape() as tape:
        logits = model(pretraining_batch())["masked_lm_logits"]
        loss = tf.reduce_sum(logits[..., 49])  # a word that the input need not hold
    gradient = tape.gradient(loss, model.encoder.embeddings.word_embeddings)
    assert np.abs(tf.convert_to_tensor(gradient)[49]).sum() > 0


def test_whole_step_compiles_with_xla(model, reference, pretraining_batch):
    compiled = tf.function(lambda batch: model(batch)["masked_lm_logits"], jit_compile=True)
    batch = {name: tf.constant(value) for name, value in pretraining_batch().items()}
    expected, error = reference["masked_lm_logits"]
    np.testing.assert_allclose(compiled(batch), expected, rtol=0, atol=error)
