"""Counts over two literal records."""

import re

import numpy as np
import pytest

from pipeline.data.inspection.record_statistics import measure, save_histogram

VOCAB = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "sat"]

BATCH = {
    # "the cat sat" with "cat" hidden; "the [UNK]", where "the" was replaced by "cat".
    "input_ids": np.array([[2, 5, 4, 7, 3, 0], [2, 6, 1, 3, 0, 0]]),
    "input_mask": np.array([[1, 1, 1, 1, 1, 0], [1, 1, 1, 1, 0, 0]]),
    "masked_lm_positions": np.array([[2, 3], [1, 0]]),
    "masked_lm_ids": np.array([[6, 7], [5, 0]]),
    "masked_lm_weights": np.array([[1.0, 1.0], [1.0, 0.0]], np.float32),
    "next_sentence_labels": np.array([1, 0]),
}


def test_counts_of_a_known_batch():
    statistics = measure([BATCH], vocab=VOCAB, max_seq_length=6)
    assert statistics.lengths.tolist() == [0, 0, 0, 0, 1, 1, 0]
    assert (statistics.hidden, statistics.replaced, statistics.kept) == (1, 1, 1)
    assert (statistics.text_tokens, statistics.unknown, statistics.random_next) == (5, 1, 1)


def test_batches_add_up():
    twice = measure([BATCH, BATCH], vocab=VOCAB, max_seq_length=6)
    assert (twice.sequences, twice.predictions, twice.text_tokens) == (4, 6, 10)


def test_a_hidden_unknown_word_counts_as_unknown():
    batch = {**BATCH, "masked_lm_ids": np.array([[1, 7], [5, 0]])}
    assert measure([batch], vocab=VOCAB, max_seq_length=6).unknown == 2


def rows(statistics):
    """Name -> value of the table, whose columns are aligned."""
    return dict(re.split(r"  +", line, maxsplit=1) for line in statistics.table().splitlines())


def test_the_table_gives_each_fraction_with_its_whole():
    statistics = measure([BATCH], vocab=VOCAB, max_seq_length=6)
    assert rows(statistics) == {
        "sequences": "2",
        "tokens": "9, 4.5 a sequence: shortest 4, median 4, longest 5",
        "padding": "25.0% of all positions",
        "predictions": "3, 1.5 a sequence, 33.3% of the tokens",
        "shown as": "[MASK] 33.3%, random word 33.3%, left as it is 33.3%",
        "random next": "50.0% of the sequences",
        "unknown": "20.000% of the text tokens are [UNK]",
    }


def test_records_without_predictions_have_no_fractions_of_them():
    batch = {**BATCH, "masked_lm_weights": np.zeros([2, 2], np.float32)}
    found = rows(measure([batch], vocab=VOCAB, max_seq_length=6))
    assert found["shown as"] == "[MASK] none, random word none, left as it is none"


def test_unmasked_records_without_pairs_say_so():
    batch = {name: BATCH[name] for name in ("input_ids", "input_mask", "next_sentence_labels")}
    batch["word_starts"] = np.array([[0, 1, 1, 0, 0, 0], [0, 1, 1, 0, 0, 0]])
    found = rows(measure([batch], vocab=VOCAB, max_seq_length=6, has_pairs=False))
    assert "shown as" not in found
    assert {name: found[name] for name in ("words", "predictions", "random next")} == {
        "words": "4, 2.0 a sequence",
        "predictions": "none: masking is left to the trainer",
        "random next": "none: records of one segment",
    }


def test_padding_is_a_fraction_of_the_positions_of_every_length():
    short = {name: value[:, :4] for name, value in BATCH.items() if value.ndim == 2}
    short = {**BATCH, "input_ids": short["input_ids"][1:], "input_mask": short["input_mask"][1:]}
    for name in ("masked_lm_positions", "masked_lm_ids", "masked_lm_weights"):
        short[name] = BATCH[name][1:]
    short["next_sentence_labels"] = BATCH["next_sentence_labels"][1:]
    statistics = measure([BATCH, short], vocab=VOCAB, max_seq_length=6)
    assert statistics.positions == 16
    assert rows(statistics)["padding"] == "18.8% of all positions"


def bins(statistics):
    """The cells of each line of the histogram, without its head."""
    head, *lines = statistics.histogram().splitlines()
    assert head.split() == ["length", "sequences"]
    return [line.split() for line in lines]


def test_the_longest_bar_is_50_wide_and_bins_cover_all_lengths():
    statistics = measure([BATCH], vocab=VOCAB, max_seq_length=6)
    statistics.lengths[:] = [0, 1, 0, 0, 0, 0, 4]
    found = bins(statistics)
    assert found[0] == ["1-1", "1", "#" * 12]
    assert found[1] == ["2-2", "0"]
    assert found[-1] == ["6-6", "4", "#" * 50]


@pytest.mark.parametrize(("max_seq_length", "last"), [(128, "121-128"), (100, "99-100")])
def test_long_records_have_16_bins_or_fewer(max_seq_length, last):
    statistics = measure([BATCH], vocab=VOCAB, max_seq_length=6)
    statistics.lengths = np.ones(max_seq_length + 1, np.int64)
    found = bins(statistics)
    assert len(found) <= 16
    assert found[-1][0] == last


def test_the_picture_is_written_under_its_name_only(tmp_path):
    statistics = measure([BATCH], vocab=VOCAB, max_seq_length=6)
    save_histogram(statistics, str(tmp_path / "lengths.png"))
    assert [path.name for path in tmp_path.iterdir()] == ["lengths.png"]
    assert (tmp_path / "lengths.png").read_bytes()[:4] == b"\x89PNG"


def test_an_unknown_picture_format_is_an_error(tmp_path):
    statistics = measure([BATCH], vocab=VOCAB, max_seq_length=6)
    with pytest.raises(ValueError, match="not supported"):
        save_histogram(statistics, str(tmp_path / "lengths.picture"))
    assert not list(tmp_path.iterdir())
