import importlib.util
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from models import BertPretrainer

_path = pathlib.Path(__file__).with_name("bert_numpy.py")
_spec = importlib.util.spec_from_file_location("bert_numpy", _path)
bert_numpy = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(bert_numpy)


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


def test_logits_equal_the_numpy_reference(model, bert_config, pretraining_batch):
    batch = pretraining_batch()
    outputs = model(batch)
    weights = weights_by_path(model)
    for row in range(4):
        hidden = bert_numpy.encode(
            batch["input_ids"][row],
            batch["input_mask"][row],
            batch["segment_ids"][row],
            weights,
            bert_config,
        )
        np.testing.assert_allclose(
            outputs["masked_lm_logits"][row],
            bert_numpy.masked_lm_logits(hidden, batch["masked_lm_positions"][row], weights),
            rtol=1e-4,
            atol=1e-4,
        )
        np.testing.assert_allclose(
            outputs["next_sentence_logits"][row],
            bert_numpy.next_sentence_logits(hidden, weights),
            rtol=1e-4,
            atol=1e-4,
        )


def test_number_of_weights_is_that_of_the_paper(model):
    embeddings = (50 + 12 + 2) * 8 + 2 * 8
    block = 4 * (8 * 8 + 8) + (8 * 16 + 16) + (16 * 8 + 8) + 2 * 2 * 8
    heads = (8 * 8 + 8) + (8 * 8 + 8 + 2 * 8 + 50) + (8 * 2 + 2)
    assert model.count_params() == embeddings + 2 * block + heads


def test_padding_does_not_change_the_logits(model, pretraining_batch):
    batch = pretraining_batch()
    padded = {**batch, "input_ids": np.where(batch["input_mask"] == 1, batch["input_ids"], 7)}
    np.testing.assert_allclose(
        model(batch)["masked_lm_logits"], model(padded)["masked_lm_logits"], atol=1e-6
    )


def test_decoder_is_the_embedding_table(model, pretraining_batch):
    with tf.GradientTape() as tape:
        logits = model(pretraining_batch())["masked_lm_logits"]
        loss = tf.reduce_sum(logits[..., 49])  # a word that the input need not hold
    gradient = tape.gradient(loss, model.encoder.embeddings.word_embeddings)
    assert np.abs(tf.convert_to_tensor(gradient)[49]).sum() > 0


def test_whole_step_compiles_with_xla(model, pretraining_batch):
    compiled = tf.function(lambda batch: model(batch)["masked_lm_logits"], jit_compile=True)
    batch = {name: tf.constant(value) for name, value in pretraining_batch().items()}
    np.testing.assert_allclose(compiled(batch), model(batch)["masked_lm_logits"], atol=1e-4)
