import numpy as np

from data_prep.examples.example_arrays import SequenceBuilder
from data_prep.examples.rng import RandomStream
from data_prep.examples.sentence_pairs import SegmentPairs
from data_prep.masking_rules import MaskingRules

PAD, CLS, SEP, MASK = 0, 2, 3, 4


def build(pairs, *, whole_words=False, continuation=(), **more):
    is_continuation = np.zeros(30, bool)
    is_continuation[list(continuation)] = True
    builder = SequenceBuilder(
        max_seq_length=10,
        pad_id=PAD,
        is_continuation=is_continuation,
        rules=MaskingRules(
            masked_lm_prob=0.15,
            max_predictions_per_seq=2,
            do_whole_word_mask=whole_words,
            cls_id=CLS,
            sep_id=SEP,
            mask_id=MASK,
            vocab_size=30,
        ),
        **more,
    )
    ids = np.arange(10, 30, dtype=np.uint16)
    columns = (np.array(column, np.int64) for column in zip(*pairs, strict=True))
    return builder.build(ids, SegmentPairs(*columns), RandomStream(0))


def unmasked(features, row):
    ids = features["input_ids"][row].copy()
    for place, token, weight in zip(
        features["masked_lm_positions"][row],
        features["masked_lm_ids"][row],
        features["masked_lm_weights"][row],
        strict=True,
    ):
        if weight:
            ids[place] = token
    return ids.tolist()


def test_a_pair_is_laid_out_with_special_tokens_and_padding():
    features = build([(0, 2, 5, 8, 1), (3, 6, 6, 10, 0)])
    assert unmasked(features, 0) == [CLS, 10, 11, SEP, 15, 16, 17, SEP, PAD, PAD]
    assert unmasked(features, 1) == [CLS, 13, 14, 15, SEP, 16, 17, 18, 19, SEP]
    assert features["input_mask"].tolist() == [[1] * 8 + [0] * 2, [1] * 10]
    assert features["segment_ids"].tolist() == [
        [0, 0, 0, 0, 1, 1, 1, 1, 0, 0],
        [0, 0, 0, 0, 0, 1, 1, 1, 1, 1],
    ]
    assert features["next_sentence_labels"].tolist() == [[1], [0]]


def test_weights_are_one_on_real_predictions():
    features = build([(0, 2, 5, 8, 1), (3, 6, 6, 10, 0)])
    # 15 % of 8 and 10 tokens: 1 and 2 predictions.
    assert features["masked_lm_weights"].tolist() == [[1.0, 0.0], [1.0, 1.0]]
    assert features["masked_lm_weights"].dtype == np.float32


def test_a_piece_that_opens_a_segment_begins_a_word():
    # 11 and 15 continue words: [CLS] 10 ##11 [SEP] ##15 16 17 [SEP]; one prediction per record.
    features = build([(0, 2, 5, 8, 1)] * 300, whole_words=True, continuation=(11, 15))
    chosen = {row[0] for row in features["masked_lm_positions"].tolist()}
    assert chosen == {4, 5, 6}


def test_records_left_unmasked_hold_the_text_and_where_its_words_begin():
    features = build([(0, 3, 5, 7, 1)], continuation=(12, 15), is_masked=False)
    assert set(features) == {
        "input_ids",
        "input_mask",
        "segment_ids",
        "word_starts",
        "next_sentence_labels",
    }
    assert features["input_ids"].tolist() == [[CLS, 10, 11, 12, SEP, 15, 16, SEP, PAD, PAD]]
    assert features["word_starts"].tolist() == [[0, 1, 1, 0, 0, 1, 1, 0, 0, 0]]


def test_a_single_segment_has_one_separator_behind_it_and_may_hold_others():
    ids = {"continuation": (), "is_single": True, "is_masked": False}
    features = build([(0, 3, 3, 3, 0)], **ids)
    assert features["input_ids"].tolist() == [[CLS, 10, 11, 12, SEP, PAD, PAD, PAD, PAD, PAD]]
    assert features["input_mask"].sum() == 5
    assert features["segment_ids"].sum() == 0
