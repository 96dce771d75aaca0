import numpy as np
import pytest
import tensorflow as tf

from data_prep import features

SIZES = {"max_seq_length": 10, "max_predictions_per_seq": 2}
# The record that the module's docstring prints.
RECORD = {
    "input_ids": [2, 8, 4, 11, 3, 15, 23, 3, 0, 0],
    "input_mask": [1, 1, 1, 1, 1, 1, 1, 1, 0, 0],
    "segment_ids": [0, 0, 0, 0, 0, 1, 1, 1, 0, 0],
    "masked_lm_positions": [2, 0],
    "masked_lm_ids": [9, 0],
    "masked_lm_weights": [1.0, 0.0],
    "next_sentence_labels": [0],
}


def serialized(record):
    columns = {
        name: np.array([values], np.float32 if "weights" in name else np.int64)
        for name, values in record.items()
    }
    return tf.constant(features.encode_examples(columns))


def test_a_written_record_parses_to_the_same_values():
    parsed = features.parse_examples(serialized(RECORD), **SIZES)
    values = {name: tensor.numpy()[0].tolist() for name, tensor in parsed.items()}
    assert values == {**RECORD, "next_sentence_labels": 0}


def test_parsed_dtypes_are_int32_and_float32():
    parsed = features.parse_examples(serialized(RECORD), **SIZES)
    dtypes = {name: tensor.dtype for name, tensor in parsed.items()}
    assert dtypes.pop("masked_lm_weights") == tf.float32
    assert set(dtypes.values()) == {tf.int32}


def test_parsing_works_inside_a_dataset_map():
    dataset = tf.data.Dataset.from_tensors(serialized(RECORD))
    batch = next(iter(dataset.map(lambda x: features.parse_examples(x, **SIZES))))
    assert batch["next_sentence_labels"].shape == (1,)


@pytest.mark.parametrize("name", sorted(RECORD))
def test_a_missing_feature_is_named(name):
    record = {key: values for key, values in RECORD.items() if key != name}
    with pytest.raises(tf.errors.InvalidArgumentError, match=name):
        features.parse_examples(serialized(record), **SIZES)


def test_another_length_is_refused():
    with pytest.raises(tf.errors.InvalidArgumentError, match="output shape: .12."):
        features.parse_examples(serialized(RECORD), max_seq_length=12, max_predictions_per_seq=2)


def test_feature_lengths_are_those_of_the_record():
    lengths = features.feature_lengths(**SIZES)
    assert lengths == {name: len(values) for name, values in RECORD.items()}


def test_a_dynamic_record_has_word_starts_in_place_of_predictions():
    record = {key: RECORD[key] for key in RECORD if not key.startswith("masked_lm")}
    record["word_starts"] = [0, 1, 1, 0, 0, 1, 1, 0, 0, 0]
    parsed = features.parse_examples(serialized(record), masking="dynamic", **SIZES)
    assert parsed["word_starts"].numpy().tolist() == [record["word_starts"]]
    assert set(parsed) == set(record)
    lengths = features.feature_lengths(masking="dynamic", **SIZES)
    assert lengths == {name: len(values) for name, values in record.items()}
