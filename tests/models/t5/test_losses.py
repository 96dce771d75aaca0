"""The loss of a T5 against its formula in NumPy, on a literal batch."""

import numpy as np
import tensorflow as tf
from numeric_bounds import rounding

from models.t5 import losses

END = 3
# The end, padding, tokens after the end, and a row that only fills the batch.
TARGETS = np.array([[7, 5, END, 0], [6, END, 8, 9], [8, 4, 5, END], [0, 0, 0, 0]], np.int32)
COUNTED = np.array([[1, 1, 1, 0], [1, 1, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]], np.float32)


def batch():
    forced = losses.teacher_forced(tf.constant(TARGETS), END)
    mask = tf.constant([[1, 1, 1], [1, 1, 0], [1, 0, 0], [0, 0, 0]])
    return {"target_ids": tf.constant(TARGETS), "input_mask": mask, **forced}


def test_the_decoder_reads_the_target_behind_a_padding():
    expected = [[0, 7, 5, END], [0, 6, END, 8], [0, 8, 4, 5], [0, 0, 0, 0]]
    np.testing.assert_array_equal(batch()["decoder_input_ids"], expected)


def test_padding_and_what_comes_after_the_end_count_nothing():
    np.testing.assert_array_equal(batch()["target_weights"], COUNTED)
    np.testing.assert_array_equal(losses.loss_weights(batch()), [9.0])


def test_loss_and_accuracy_are_the_means_over_the_tokens_that_count():
    logits = np.random.default_rng(0).normal(0, 2, (4, 4, 11)).astype(np.float32)
    sums = losses.metric_sums(tf.constant(logits), batch()).numpy()
    exact = logits.astype(np.float64)
    nats = np.log(np.exp(exact).sum(-1)) - np.take_along_axis(exact, TARGETS[..., None], -1)[..., 0]
    correct = (exact.argmax(-1) == TARGETS) & (COUNTED > 0)
    named = dict(zip(losses.METRIC_SUMS, sums, strict=True))
    assert (named["target_weight"], named["target_correct"]) == (9.0, correct.sum())
    assert (named["tokens"], named["sequences"]) == (6.0 + 9.0, 3.0)
    means, expected = losses.means(sums), (nats * COUNTED).sum() / 9
    # A sum of 11 exponentials and one of 9 losses, none above 20 nats.
    np.testing.assert_allclose(means["target_loss"], expected, rtol=0, atol=20 * rounding(30))
    assert means["loss"] == means["target_loss"]
    assert means["target_accuracy"] == correct.sum() / 9


def test_the_parts_of_two_replicas_add_up_to_the_loss_of_the_batch():
    sums = [np.array([6.0, 1, 2, 9, 1]), np.array([3.0, 0, 4, 9, 1])]
    parts = [
        losses.pretraining_loss(tf.constant(each), tf.constant([6.0], tf.float64)) for each in sums
    ]
    assert float(sum(parts)) == 1.5 == losses.means(sum(sums))["loss"]


def test_without_a_token_to_predict_the_loss_is_0():
    assert float(losses.pretraining_loss(tf.zeros([5]), tf.zeros([1]))) == 0.0
