"""A literal record as it is printed."""

import numpy as np
import pytest

from pipeline.data.inspection.record_text import format_record, marked_tokens

VOCAB = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "sat", "it", "slept", "##s"]


@pytest.fixture(name="record")
def fixture_record():
    """The cat sat / it slepts: "cat" hidden, "sat" replaced by "it", "##s" left as it is."""
    return {
        "input_ids": np.array([2, 5, 4, 8, 3, 8, 9, 10, 3, 0, 0]),
        "input_mask": np.array([1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0]),
        "segment_ids": np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0]),
        "masked_lm_positions": np.array([2, 3, 7, 0, 0]),
        "masked_lm_ids": np.array([6, 7, 10, 0, 0]),
        "masked_lm_weights": np.array([1.0, 1.0, 1.0, 0.0, 0.0], np.float32),
        "next_sentence_labels": np.array(1),
    }


def test_predictions_have_their_original_behind_an_arrow(record):
    assert marked_tokens(record, VOCAB) == [
        "[CLS]",
        "the",
        "[MASK]->cat",
        "it->sat",
        "[SEP]",
        "it",
        "slept",
        "##s->##s",
        "[SEP]",
    ]


def test_a_record_is_a_title_and_its_two_segments(record):
    assert format_record(record, VOCAB, title="train record 0").splitlines() == [
        "train record 0: 9 of 11 tokens, 3 predictions, next_sentence_labels 1 (random next)",
        "  A  [CLS] the [MASK]->cat it->sat [SEP]",
        "  B  it slept ##s->##s [SEP]",
    ]


def test_label_0_is_the_true_next(record):
    record["next_sentence_labels"] = np.array(0)
    assert "next_sentence_labels 0 (true next)" in format_record(record, VOCAB, title="r")


def test_a_single_segment_has_no_second_line(record):
    record["segment_ids"] = np.zeros(11, np.int64)
    assert len(format_record(record, VOCAB, title="r").splitlines()) == 2


def test_no_line_is_wider_than_100_columns(record):
    wide = {name: np.tile(record[name], 40) for name in ("input_ids", "input_mask", "segment_ids")}
    wide["input_mask"] = np.ones(440, np.int64)
    lines = format_record({**record, **wide}, VOCAB, title="a rather long title " * 4).splitlines()
    assert max(len(line) for line in lines) <= 100
    assert lines[3].startswith("     ")


def test_an_unmasked_record_has_words_and_no_arrows(record):
    for name in ("masked_lm_positions", "masked_lm_ids", "masked_lm_weights"):
        del record[name]
    record["word_starts"] = np.array([0, 1, 1, 1, 0, 1, 1, 0, 0, 0, 0])
    assert format_record(record, VOCAB, title="train record 0").splitlines() == [
        "train record 0: 9 of 11 tokens, 5 words, not masked, next_sentence_labels 1 (random next)",
        "  A  [CLS] the [MASK] it [SEP]",
        "  B  it slept ##s [SEP]",
    ]


def test_a_record_without_pairs_has_no_label(record):
    record["segment_ids"] = np.zeros(11, np.int64)
    first = format_record(record, VOCAB, title="r", has_pairs=False).splitlines()[0]
    assert first == "r: 9 of 11 tokens, 3 predictions"
