"""From documents of any shape to bytes and back: layout, labels and text hold for every record."""

import random

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep import features
from data_prep.examples.example_arrays import SequenceBuilder
from data_prep.examples.rng import RandomStream
from data_prep.examples.segment_pairs import truncate_pairs
from data_prep.examples.sentence_pairs import PairMaker
from data_prep.examples.tfrecord_encoding import encode_examples, encode_tfrecords
from data_prep.masking_rules import MaskingRules

PAD, CLS, SEP, MASK, FIRST_TEXT, VOCAB_SIZE = 0, 2, 3, 4, 5, 60
CONTINUATIONS = np.arange(VOCAB_SIZE) % 3 == 0

corpora = st.lists(st.lists(st.integers(1, 25), min_size=1, max_size=6), min_size=1, max_size=6)
shapes = st.fixed_dictionaries(
    {
        "max_seq_length": st.integers(8, 40),
        "max_predictions_per_seq": st.integers(1, 8),
        "masked_lm_prob": st.floats(0, 1),
        "short_seq_prob": st.sampled_from([0.0, 0.3, 1.0]),
        "do_whole_word_mask": st.booleans(),
        "max_ngram": st.integers(1, 4),
        "sentence_order": st.booleans(),
    }
)


def built(corpus, shape, seed):
    """Returns the flat text, the pairs and the features of one corpus."""
    lengths = [length for document in corpus for length in document]
    ids = random.Random(seed).choices(range(FIRST_TEXT, VOCAB_SIZE), k=sum(lengths))
    ids = np.array(ids, np.uint16)
    maker = PairMaker(
        sentence_ends=np.cumsum(lengths),
        document_ends=np.cumsum([len(document) for document in corpus]),
        text_ids=[index.to_bytes(16, "little") for index in range(len(corpus))],
        max_seq_length=shape["max_seq_length"],
        short_seq_prob=shape["short_seq_prob"],
        seed=seed,
        sentence_order=shape["sentence_order"],
    )
    rng = RandomStream(seed)
    pairs = truncate_pairs(maker.pairs_of_all(2), shape["max_seq_length"] - 3, rng)
    builder = SequenceBuilder(
        max_seq_length=shape["max_seq_length"],
        pad_id=PAD,
        is_continuation=CONTINUATIONS,
        rules=MaskingRules(
            masked_lm_prob=shape["masked_lm_prob"],
            max_predictions_per_seq=shape["max_predictions_per_seq"],
            do_whole_word_mask=shape["do_whole_word_mask"],
            cls_id=CLS,
            sep_id=SEP,
            mask_id=MASK,
            vocab_size=VOCAB_SIZE,
            max_ngram=shape["max_ngram"] if shape["do_whole_word_mask"] else 1,
        ),
    )
    return ids, pairs, builder.build(ids, pairs, rng)


@settings(max_examples=120, deadline=None)
@given(corpora, shapes, st.integers(0, 10_000))
def test_labels_put_back_give_special_tokens_and_text_in_their_layout(corpus, shape, seed):
    ids, pairs, record = built(corpus, shape, seed)
    for row in range(len(pairs)):
        a = ids[pairs.a_begin[row] : pairs.a_end[row]].tolist()
        b = ids[pairs.b_begin[row] : pairs.b_end[row]].tolist()
        padding = shape["max_seq_length"] - len(a) - len(b) - 3
        assert a and b and padding >= 0
        count = int(record["masked_lm_weights"][row].sum())
        positions = record["masked_lm_positions"][row, :count].tolist()
        restored = record["input_ids"][row].copy()
        restored[positions] = record["masked_lm_ids"][row, :count]
        assert restored.tolist() == [CLS, *a, SEP, *b, SEP, *[PAD] * padding]
        assert record["input_mask"][row].tolist() == [1] * (len(a) + len(b) + 3) + [0] * padding
        second = [0] * (len(a) + 2) + [1] * (len(b) + 1)
        assert record["segment_ids"][row].tolist() == second + [0] * padding
        assert positions == sorted(set(positions) - {0, len(a) + 1, len(a) + len(b) + 2})
        assert all(place < len(a) + len(b) + 2 for place in positions)
        check_number_of_predictions(count, len(a) + len(b), shape)


def check_number_of_predictions(count, num_tokens, shape):
    wanted = max(1, round((num_tokens + 3) * shape["masked_lm_prob"]))
    wanted = min(wanted, shape["max_predictions_per_seq"], num_tokens)
    # Whole words may leave room that no word fits into.
    assert count <= wanted
    assert count == wanted or shape["do_whole_word_mask"]


@settings(max_examples=40, deadline=None)
@given(corpora, shapes, st.integers(0, 10_000))
def test_written_records_are_read_back_by_a_plain_parser_and_by_ours(
    plain_records, corpus, shape, seed
):
    _, pairs, record = built(corpus, shape, seed)
    if not len(pairs):
        return
    raw = plain_records.read_tfrecords(encode_tfrecords(record))
    plain = [plain_records.parse_example(each) for each in raw]
    sizes = {name: shape[name] for name in ("max_seq_length", "max_predictions_per_seq")}
    parsed = features.parse_examples(tf.constant(raw), **sizes)
    for name, values in record.items():
        assert [each[name] for each in plain] == values.tolist()
        assert parsed[name].numpy().reshape(values.shape).tolist() == values.tolist()


# No name begins with another: implementations of protobuf sort these in different ways.
NAMES = st.text("abcdefgh_", min_size=1, max_size=40).map(lambda name: name + "$")
DTYPES = st.sampled_from([np.uint8, np.uint16, np.uint32, np.int32, np.int64, np.float32])


@st.composite
def blocks(draw):
    """Features of any names, number, types, lengths, and sizes of values in one block."""
    rows = draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 1_000)))
    block = {}
    for name in draw(st.lists(NAMES, min_size=1, max_size=9, unique=True)):
        dtype, length = draw(DTYPES), draw(st.sampled_from([1, 2, 3, 20, 127, 128, 129, 300]))
        most = min(1 << draw(st.integers(1, 28)), np.iinfo(dtype).max) if dtype != np.float32 else 9
        block[name] = rng.integers(0, most, (rows, length)).astype(dtype)
    return block


@settings(max_examples=60, deadline=None)
@given(blocks())
def test_bytes_of_any_shape_equal_deterministic_protobuf(block):
    for row, serialized in enumerate(encode_examples(block)):
        example = tf.train.Example()
        for name, values in block.items():
            feature = example.features.feature[name]
            kind = feature.float_list if values.dtype.kind == "f" else feature.int64_list
            kind.value.extend(values[row].tolist())
        expected = example.SerializeToString(deterministic=True)
        assert serialized == expected


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=80), min_size=1, max_size=4))
def test_what_is_no_record_is_refused_by_the_parser_in_one_way(serialized):
    # TensorFlow's own message quotes the bytes; where they are no UTF-8 it cannot even be raised.
    with pytest.raises((tf.errors.InvalidArgumentError, UnicodeDecodeError)):
        features.parse_examples(
            tf.constant(serialized), max_seq_length=8, max_predictions_per_seq=2
        )


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 200), st.binary(min_size=1, max_size=6))
def test_a_damaged_record_is_read_or_refused_never_worse(place, damage):
    _, _, record = built([[6, 5], [7]], SHAPE_OF_DAMAGED, 1)
    whole = encode_examples(record)[0]
    broken = whole[:place] + damage + whole[place + len(damage) :]
    try:
        parsed = features.parse_examples(
            tf.constant([broken]), max_seq_length=16, max_predictions_per_seq=2
        )
    except (tf.errors.InvalidArgumentError, UnicodeDecodeError):
        return
    assert parsed["input_ids"].shape == (1, 16)


SHAPE_OF_DAMAGED = {
    "max_seq_length": 16,
    "max_predictions_per_seq": 2,
    "masked_lm_prob": 0.15,
    "short_seq_prob": 0.0,
    "do_whole_word_mask": False,
    "max_ngram": 1,
    "sentence_order": False,
}
