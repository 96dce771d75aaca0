"""Several sequences in a row: every one gets what it gets in a row of its own."""

import numpy as np
import pytest
import tensorflow as tf
from numeric_bounds import float32_error

from models import BertEncoder, BertPretrainer, losses

LENGTHS = (5, 3, 4)  # of three sequences, packed into rows of 10 as (5, 3) and (4)
# Roundings of the longest single step between two weights, a layer norm of width 8 (see
# test_bert_pretrainer.py).
OPERATIONS = 24


def alone(seed=0):
    """Three sequences of `LENGTHS`, a row each, with two predictions each."""
    rng = np.random.default_rng(seed)
    mask = (np.arange(10) < np.array(LENGTHS)[:, None]).astype(np.int32)
    return {
        "input_ids": (rng.integers(5, 50, (3, 10)) * mask).astype(np.int32),
        "input_mask": mask,
        "segment_ids": (np.arange(10) >= 2).astype(np.int32) * mask,
        "masked_lm_positions": rng.integers(1, 3, (3, 2)).astype(np.int32),
        "masked_lm_ids": rng.integers(5, 50, (3, 2)).astype(np.int32),
        "masked_lm_weights": np.array([[1, 1], [1, 0], [1, 1]], np.float32),
        "next_sentence_labels": np.array([0, 1, 1], np.int32),
        "next_sentence_weights": np.ones(3, np.float32),
    }


def packed(rows):
    """The same three sequences in two rows; the free place for a sequence has weight 0."""

    def join(name, number=None):
        def part(row):
            values = rows[name][row, : LENGTHS[row]]
            return values if number is None else np.full_like(values, number(row))

        first, second = np.concatenate([part(0), part(1)]), part(2)
        return np.stack([np.pad(each, (0, 10 - len(each))) for each in (first, second)])

    positions = rows["masked_lm_positions"]
    pair = np.array([[0, 1], [2, 2]])
    return {
        "input_ids": join("input_ids"),
        "segment_ids": join("segment_ids"),
        "input_mask": join("input_mask", number=lambda row: 2 if row == 1 else 1),
        "position_ids": np.array(
            [[0, 1, 2, 3, 4, 0, 1, 2, 0, 0], [0, 1, 2, 3, 0, 0, 0, 0, 0, 0]], np.int32
        ),
        "masked_lm_positions": np.array(
            [[*positions[0], *(positions[1] + 5)], [*positions[2], 0, 0]], np.int32
        ),
        "masked_lm_ids": rows["masked_lm_ids"][pair].reshape(2, 4),
        "masked_lm_weights": np.array([[1, 1, 1, 0], [1, 1, 0, 0]], np.float32),
        "next_sentence_positions": np.array([[0, 5], [0, 0]], np.int32),
        "next_sentence_labels": np.array([[0, 1], [1, 0]], np.int32),
        "next_sentence_weights": np.array([[1, 1], [1, 0]], np.float32),
    }


@pytest.fixture(scope="module")
def model(bert_config):
    model = BertPretrainer(bert_config)
    model(alone())
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(0, 0.5, w.shape).astype(np.float32) for w in model.get_weights()])
    return model


@pytest.fixture(scope="module")
def error(model, bert_config, bert_numpy):
    """How far the float32 hidden states of one sequence may lie from the exact ones."""
    names = [v.name.split("/", 1)[1].removesuffix(":0") for v in model.trainable_variables]
    rows = alone()

    def logits(*values):
        weights = dict(zip(names, values, strict=True))
        outputs = []
        for row in range(3):
            inputs = (rows[name][row] for name in ("input_ids", "input_mask", "segment_ids"))
            hidden = bert_numpy.encode(*inputs, weights, bert_config)
            positions = rows["masked_lm_positions"][row]
            outputs += [
                bert_numpy.masked_lm_logits(hidden, positions, weights).ravel(),
                bert_numpy.next_sentence_logits(hidden, weights),
            ]
        return np.concatenate(outputs)

    values = [v.numpy() for v in model.trainable_variables]
    return float32_error(logits, *values, operations=OPERATIONS)


def test_logits_are_those_of_sequences_alone(model, error):
    apart, together = model(alone()), model(packed(alone()))
    assert together["next_sentence_logits"].shape == (2, 2, 2)
    found = together["masked_lm_logits"].numpy().reshape(4, 2, 50)[:3]
    # Both lie that far from the one exact result.
    np.testing.assert_allclose(found, apart["masked_lm_logits"], rtol=0, atol=2 * error)
    found = together["next_sentence_logits"].numpy().reshape(4, 2)[:3]
    np.testing.assert_allclose(found, apart["next_sentence_logits"], rtol=0, atol=2 * error)


def loss_and_gradients(model, features):
    with tf.GradientTape() as tape:
        sums = losses.metric_sums(model(features), features)
        loss = losses.pretraining_loss(sums, losses.loss_weights(features))
    gradients = tape.gradient(loss, model.trainable_variables)
    return sums, loss, [tf.convert_to_tensor(each).numpy() for each in gradients]


def test_loss_counts_and_gradients_are_those_of_sequences_alone(model, error):
    apart, together = (loss_and_gradients(model, each) for each in (alone(), packed(alone())))
    # A cross-entropy moves by at most twice as much as its logits; 5 and 3 of them are added.
    np.testing.assert_allclose(together[0], apart[0], rtol=0, atol=2 * 5 * 2 * error)
    np.testing.assert_array_equal(together[0][2::3], [5, 3])
    np.testing.assert_allclose(together[1], apart[1], rtol=0, atol=2 * 2 * 2 * error)
    for found, expected in zip(together[2], apart[2], strict=True):
        # A gradient is that far off relative to its own size, if the logits are relative to theirs:
        # backward pass and forward pass have the same products; so twice the roundings.
        size = max(np.abs(expected).max(), 1.0)
        np.testing.assert_allclose(found, expected, rtol=0, atol=2 * 2 * error * size)


def test_tokens_of_another_sequence_change_nothing(model):
    features = packed(alone())
    other = {**features, "input_ids": features["input_ids"].copy()}
    other["input_ids"][0, 5:8] = 49  # the second sequence of the first row
    found, expected = (model(each)["next_sentence_logits"][0, 0] for each in (other, features))
    np.testing.assert_array_equal(found, expected)


def test_without_the_packed_entries_a_row_is_one_sequence(bert_config):
    encoder, rows = BertEncoder(bert_config), alone()
    explicit = rows | {
        "position_ids": np.tile(np.arange(10, dtype=np.int32), (3, 1)),
        "next_sentence_positions": np.zeros((3, 1), np.int32),
    }
    (hidden, pooled), (same, pooled_each) = encoder(rows), encoder(explicit)
    np.testing.assert_array_equal(same, hidden)
    assert pooled_each.shape == (3, 1, 8)
    np.testing.assert_array_equal(pooled_each[:, 0], pooled)
