import pytest
import tensorflow as tf

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
