import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.examples.tfrecord_encoding import encode_examples, encode_tfrecords


def protobuf_bytes(features, row):
    example = tf.train.Example()
    for name, values in features.items():
        if values.dtype.kind == "f":
            example.features.feature[name].float_list.value.extend(values[row].tolist())
        else:
            example.features.feature[name].int64_list.value.extend(values[row].tolist())
    return example.SerializeToString(deterministic=True)


def bert_block(rows, seq_len, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "input_ids": rng.integers(0, 30_522, (rows, seq_len)).astype(np.uint16),
        "input_mask": rng.integers(0, 2, (rows, seq_len)).astype(np.uint8),
        "masked_lm_positions": rng.integers(0, seq_len, (rows, 4)).astype(np.uint16),
        "masked_lm_weights": rng.random((rows, 4)).astype(np.float32),
        "next_sentence_labels": rng.integers(0, 2, (rows, 1)).astype(np.uint8),
    }


@pytest.mark.parametrize("seq_len", [3, 128, 512])
def test_bytes_equal_deterministic_protobuf(seq_len):
    features = bert_block(20, seq_len)
    assert encode_examples(features) == [protobuf_bytes(features, row) for row in range(20)]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 2**28 - 1), min_size=3, max_size=3), min_size=1, max_size=5)
)
def test_integers_of_every_size_equal_protobuf(table):
    features = {"ids": np.array(table, np.int64), "x": np.array(table, np.float32)}
    assert encode_examples(features) == [protobuf_bytes(features, row) for row in range(len(table))]


def test_no_rows_give_no_records():
    assert encode_examples({"ids": np.zeros((0, 4), np.uint16)}) == []
    assert encode_tfrecords({"ids": np.zeros((0, 4), np.uint16)}) == b""


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({"a": np.zeros((2, 1), int), "b": np.zeros((3, 1), int)}, "same number of rows"),
        ({"a": np.zeros(2, int)}, r"expected \[rows, length\]"),
        ({"a": np.array([[-1]])}, "received -1"),
        ({"a": np.array([[1 << 28]])}, "2\\*\\*28"),
    ],
)
def test_what_cannot_be_encoded_is_refused_by_name(features, message):
    with pytest.raises(ValueError, match=message):
        encode_examples(features)


def test_tensorflow_reads_the_framing(tmp_path):
    features = bert_block(50, 16)
    path = tmp_path / "records.tfrecord"
    path.write_bytes(encode_tfrecords(features))
    read = list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())
    assert read == [protobuf_bytes(features, row) for row in range(50)]
