import numpy as np
import tensorflow as tf

from models.masked_lm_head import MaskedLMHead


def test_only_the_masked_positions_are_read(bert_config):
    head, table = MaskedLMHead(bert_config), tf.random.stateless_normal([50, 8], [0, 0])
    hidden = np.random.default_rng(0).normal(size=(1, 10, 8)).astype(np.float32)
    positions = tf.constant([[7, 2]])
    logits = head(hidden, positions, table)
    hidden[:, [0, 1, 3, 4, 5, 6, 8, 9]] = 0.0
    np.testing.assert_array_equal(head(hidden, positions, table), logits)
    assert logits.shape == (1, 2, 50)


def test_same_hidden_state_gives_the_same_logits_at_any_position(bert_config):
    head, table = MaskedLMHead(bert_config), tf.random.stateless_normal([50, 8], [0, 0])
    logits = head(tf.ones([1, 10, 8]), tf.constant([[3, 9]]), table)
    np.testing.assert_array_equal(logits[:, 0], logits[:, 1])
