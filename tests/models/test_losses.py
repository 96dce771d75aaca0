import numpy as np
import tensorflow as tf
from numeric_bounds import rounding

from models import losses

# A cross-entropy over three classes has ten roundings (maximum, exponentials, sum, logarithm) of
# values up to -log 0.1 = 2.3, so 2.3 / 0.69 times as many of the smallest loss, -log 0.5 = 0.69;
# the weighted sums and means add five.
RTOL = rounding(40)


def hand_case(weights=(1.0, 1.0)):
    """Two predictions over three words, one pair: small enough to work out by hand."""
    outputs = {
        "masked_lm_logits": tf.math.log([[[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]]]),
        "next_sentence_logits": tf.math.log([[0.75, 0.25]]),
    }
    features = {
        "input_mask": tf.constant([[1, 1, 1, 2, 2, 0]]),
        "masked_lm_ids": tf.constant([[0, 1]]),
        "masked_lm_weights": tf.constant([weights]),
        "next_sentence_labels": tf.constant([1]),
        "next_sentence_weights": tf.constant([1.0]),
    }
    return outputs, features


def test_sums_of_the_hand_case():
    expected = [-np.log(0.5) - np.log(0.1), 1, 2, -np.log(0.25), 0, 1, 5, 2]
    np.testing.assert_allclose(losses.metric_sums(*hand_case()), expected, rtol=RTOL)


def test_weight_zero_removes_a_prediction():
    expected = [-np.log(0.5), 1, 1, -np.log(0.25), 0, 1, 5, 2]
    np.testing.assert_allclose(losses.metric_sums(*hand_case((1.0, 0.0))), expected, rtol=RTOL)


def test_loss_is_the_sum_of_both_means():
    outputs, features = hand_case()
    sums = losses.metric_sums(outputs, features)
    loss = losses.pretraining_loss(sums, losses.loss_weights(features))
    np.testing.assert_allclose(loss, (-np.log(0.5) - np.log(0.1)) / 2 - np.log(0.25), rtol=RTOL)


def test_batch_without_predictions_gives_a_finite_loss():
    outputs, features = hand_case((0.0, 0.0))
    sums = losses.metric_sums(outputs, features)
    loss = losses.pretraining_loss(sums, losses.loss_weights(features))
    np.testing.assert_allclose(loss, -np.log(0.25), rtol=RTOL)


def test_uneven_shares_add_up_to_the_loss_of_the_joined_batch():
    outputs, features = hand_case()
    halves = []
    for column in (slice(0, 1), slice(1, 2)):
        part = {
            **features,
            "masked_lm_ids": features["masked_lm_ids"][:, column],
            "masked_lm_weights": features["masked_lm_weights"][:, column],
        }
        logits = {**outputs, "masked_lm_logits": outputs["masked_lm_logits"][:, column]}
        halves.append(losses.metric_sums(logits, part))
    weights = tf.constant([2.0, 2.0])  # two predictions, and the pair counted on both halves
    shares = sum(losses.pretraining_loss(half, weights) for half in halves)
    np.testing.assert_allclose(shares, (-np.log(0.5) - np.log(0.1)) / 2 - np.log(0.25), rtol=RTOL)


def test_means_divide_by_the_weights():
    assert losses.means([6.0, 1.0, 4.0, 2.0, 2.0, 2.0, 50.0, 4.0]) == {
        "loss": 2.5,
        "masked_lm_loss": 1.5,
        "masked_lm_accuracy": 0.25,
        "next_sentence_loss": 1.0,
        "next_sentence_accuracy": 1.0,
    }


def test_without_pairs_there_are_no_means_of_them():
    assert losses.means([6.0, 1.0, 4.0, 0.0, 0.0, 0.0, 50.0, 4.0]) == {
        "loss": 1.5,
        "masked_lm_loss": 1.5,
        "masked_lm_accuracy": 0.25,
    }
