import numpy as np
import pytest
import tensorflow as tf
from numeric_bounds import rounding

from models import BertEncoder


def features(seq_len, batch=2):
    ones = tf.ones([batch, seq_len], tf.int32)
    return {"input_ids": ones, "input_mask": ones, "segment_ids": ones * 0}


def test_output_shapes(bert_config):
    sequence_output, pooled_output = BertEncoder(bert_config)(features(10))
    assert sequence_output.shape == (2, 10, 8)
    assert pooled_output.shape == (2, 8)


def test_too_long_a_sequence_is_refused_with_both_lengths(bert_config):
    with pytest.raises(ValueError, match="max_position_embeddings=12 tokens, received 13"):
        BertEncoder(bert_config)(features(13))


def test_every_dropout_has_its_own_site(bert_config):
    from models.seeded_dropout import SeededDropout

    encoder = BertEncoder(bert_config)
    encoder(features(10))
    sites = [m.site for m in encoder.submodules if isinstance(m, SeededDropout)]
    assert sorted(sites) == list(range(1 + 3 * 2))
    assert encoder.next_dropout_site() == 7


def test_a_pooled_output_alone_is_the_same_and_so_are_its_gradients(bert_config, pretraining_batch):
    encoder, batch = BertEncoder(bert_config), pretraining_batch()
    encoder(batch)
    found = []
    for pooled_only in (False, True):
        with tf.GradientTape() as tape:
            sequence_output, pooled_output = encoder(batch, pooled_only=pooled_only)
            loss = tf.reduce_sum(pooled_output * tf.range(8.0))
        gradients = tape.gradient(loss, encoder.trainable_variables)
        found.append([sequence_output[:, :1], pooled_output, *map(tf.convert_to_tensor, gradients)])
    assert sequence_output.shape == (4, 1, 8)
    for whole, alone in zip(*found, strict=True):
        # The same sums in another order: per layer some 40 roundings there and 40 back, of values
        # that are at most 28 (the weights of the loss) times layer-normalised ones, below 3.
        np.testing.assert_allclose(whole, alone, rtol=0, atol=rounding(2 * 2 * 40) * 28 * 3)


def test_of_packed_rows_all_positions_are_computed(bert_config, pretraining_batch):
    encoder = BertEncoder(bert_config)
    batch = {**pretraining_batch(), "next_sentence_positions": tf.constant([[0, 5]] * 4)}
    sequence_output, pooled_output = encoder(batch, pooled_only=True)
    assert sequence_output.shape == (4, 10, 8) and pooled_output.shape == (4, 2, 8)
