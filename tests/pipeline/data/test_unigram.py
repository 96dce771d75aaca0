import numpy as np
import tensorflow as tf

from pipeline.data import unigram


def dataset(ids, weights):
    return tf.data.Dataset.from_tensors(
        {"masked_lm_ids": np.array(ids), "masked_lm_weights": np.array(weights, np.float32)}
    )


def test_loss_of_a_hand_case():
    train = dataset([[0, 0, 1]], [[1, 1, 1]])  # counts plus one: 3, 2, 1 of 6
    heldout = dataset([[0, 2]], [[1, 1]])
    expected = -(np.log(3 / 6) + np.log(1 / 6)) / 2
    np.testing.assert_allclose(unigram.unigram_loss(train, heldout, vocab_size=3), expected)


def test_padding_predictions_do_not_count():
    train = dataset([[0, 0, 1, 2]], [[1, 1, 1, 0]])
    heldout = dataset([[0, 2, 1]], [[1, 1, 0]])
    expected = -(np.log(3 / 6) + np.log(1 / 6)) / 2
    np.testing.assert_allclose(unigram.unigram_loss(train, heldout, vocab_size=3), expected)
