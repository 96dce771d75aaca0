"""Sequences that share a row have the loss that each has in a row of its own."""

import numpy as np
import pytest
import tensorflow as tf

from models import BertPretrainer, losses
from pipeline.data import packing
from pipeline.data.packed_batch import join_rows


@pytest.fixture
def single(pretraining_batch):
    return {name: tf.constant(values) for name, values in pretraining_batch(batch=12).items()}


@pytest.fixture
def packed(single):
    """The same twelve sequences of 5 to 10 tokens in rows of 12, and which are where."""
    lengths = single["input_mask"].numpy().sum(axis=1)
    limits = packing.RowLimits(max_tokens=12, max_sequences=2, max_predictions=6)
    rows = packing.pack(lengths, predictions=np.full(13, 3), limits=limits)
    in_rows = {name: tf.gather(values, rows[rows >= 0]) for name, values in single.items()}
    return join_rows(in_rows, tf.constant(rows >= 0), limits, next_sentence_weight=1.0), rows


def masked_lm_losses(outputs, features):
    return tf.nn.sparse_softmax_cross_entropy_with_logits(
        features["masked_lm_ids"], outputs["masked_lm_logits"]
    ).numpy()


def test_losses_are_equal_sequence_by_sequence(bert_config, single, packed):
    batch, rows = packed
    assert len(rows) < 12
    model = BertPretrainer(bert_config)
    alone, together = model(single), model(batch)
    # The same sums of products up to their order: float32, two layers of width 8.
    close = {"rtol": 1e-5, "atol": 1e-5}
    mlm_alone = masked_lm_losses(alone, single)
    mlm_together = masked_lm_losses(together, batch)
    for row, indices in enumerate(rows):
        expected = []
        for sequence, index in enumerate(indices[indices >= 0]):
            np.testing.assert_allclose(
                together["next_sentence_logits"][row, sequence],
                alone["next_sentence_logits"][index],
                **close,
            )
            expected += mlm_alone[index][single["masked_lm_weights"][index] > 0].tolist()
        found = mlm_together[row][batch["masked_lm_weights"][row] > 0]
        np.testing.assert_allclose(found, expected, **close)


def test_the_loss_and_its_gradient_are_those_of_the_unpacked_batch(bert_config, single, packed):
    model = BertPretrainer(bert_config)
    model(single)
    found = []
    for features in (single, packed[0]):
        with tf.GradientTape() as tape:
            sums = losses.metric_sums(model(features), features)
            loss = losses.pretraining_loss(sums, losses.loss_weights(features))
        gradients = tape.gradient(loss, model.trainable_variables)
        found.append([loss.numpy(), *(tf.convert_to_tensor(each).numpy() for each in gradients)])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
