import numpy as np
import pytest
import tensorflow as tf

from data_prep import features as records
from pipeline.data.record_parsing import parse_records, token_counts


def serialized(seq_len, num_tokens, *, masking="static", without=()):
    """One record of `num_tokens` ones, 1, 2, 3, ... as ids."""
    real = np.arange(seq_len) < num_tokens
    features = {
        "input_ids": [np.arange(1, seq_len + 1) * real],
        "input_mask": [real.astype(np.int64)],
        "segment_ids": [np.zeros(seq_len, np.int64)],
        "masked_lm_positions": [[1, 2]],
        "masked_lm_ids": [[7, 8]],
        "masked_lm_weights": np.array([[1.0, 1.0]], np.float32),
        "word_starts": [real.astype(np.int64)],
        "next_sentence_labels": [[1]],
    }
    kind = {"max_seq_length": seq_len, "max_predictions_per_seq": 2, "masking": masking}
    names = [name for name in records.feature_lengths(**kind) if name not in without]
    return records.encode_examples({name: np.array(features[name]) for name in names})[0]


def parsed(examples, *, masking="static", lengths=(4, 8)):
    return parse_records(
        tf.constant(examples), lengths=lengths, max_predictions_per_seq=2, masking=masking
    )


@pytest.mark.parametrize("masking", ["static", "dynamic"])
def test_records_of_bins_are_padded_to_the_longest(masking):
    short, long = serialized(4, 3, masking=masking), serialized(8, 6, masking=masking)
    both = parsed([short, long], masking=masking)
    assert both["input_ids"].numpy().tolist() == [
        [1, 2, 3, 0, 0, 0, 0, 0],
        [1, 2, 3, 4, 5, 6, 0, 0],
    ]
    # The long one is what it is among its like.
    alone = parsed([long], masking=masking, lengths=(8,))
    assert alone.keys() == both.keys()
    for name, values in alone.items():
        assert values.dtype == both[name].dtype
        np.testing.assert_array_equal(both[name][1:], values)


def test_tokens_are_counted_in_records_of_any_length():
    examples = [serialized(4, 3), serialized(8, 6, masking="dynamic"), serialized(8, 8)]
    assert token_counts(tf.constant(examples)).numpy().tolist() == [3, 6, 8]


@pytest.mark.parametrize(
    ("example", "complaint"),
    [
        (serialized(5, 5), "records of 4, 8 tokens"),
        (serialized(8, 8, without=("segment_ids",)), "segment_ids as long as input_mask"),
        (serialized(8, 8, without=("input_mask",)), "records of 4, 8 tokens"),
        (serialized(8, 8, without=("masked_lm_ids",)), "masked_lm_ids"),
    ],
    ids=["no bin", "no segments", "no mask", "no labels"],
)
def test_what_is_no_record_of_these_bins_is_refused(example, complaint):
    with pytest.raises(tf.errors.InvalidArgumentError, match=complaint):
        parsed([example])
