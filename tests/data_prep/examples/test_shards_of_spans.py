"""Shards of `--objective span_corruption`."""

import dataclasses
import io

import numpy as np
import pytest
from small_token_block import SETTINGS, block

from data_prep.examples.shards import write_shards

SPANS = {"objective": "span_corruption", "max_predictions_per_seq": 20, "dupe_factor": 1}


def test_records_of_span_corruption_hold_the_text_and_its_spans(shard, tokenizer):
    part, records = shard(**SPANS)
    assert part["sequences"] == len(records) > 0
    sentinel = len(tokenizer.vocab)
    for record in records:
        assert record.keys() == {"input_ids", "input_mask", "target_ids"}
        assert len(record["input_ids"]) == 16
        spans = [each for each in record["target_ids"] if each >= sentinel]
        assert spans == [each for each in record["input_ids"] if each >= sentinel] != []
    # Every token of the two documents with text, the separator between them left out, once.
    text = [
        each
        for record in records
        for each in (*record["input_ids"], *record["target_ids"])
        if each not in (tokenizer.pad_id, tokenizer.sep_id) and each < sentinel
    ]
    assert sorted(text) == sorted(block().ids.tolist())


def test_the_part_of_span_corruption_counts_what_its_records_hold(shard, tokenizer):
    part, records = shard(**SPANS)
    lengths = [sum(record["input_mask"]) for record in records]
    assert part["sequence_tokens"] == sum(lengths)
    assert part["length_histogram"] == np.bincount(lengths, minlength=17).tolist()
    special = (tokenizer.pad_id, tokenizer.sep_id, *range(len(tokenizer.vocab), 1_000))
    replaced = [t for record in records for t in record["target_ids"] if t not in special]
    assert part["predictions"] == len(replaced)
    assert part["target_length"] == {len(record["target_ids"]) for record in records}.pop()


def test_bins_of_span_corruption_hold_inputs_padded_no_further(tokenizer, tmp_path, read_records):
    streams = [io.BytesIO(), io.BytesIO()]
    settings = dataclasses.replace(SETTINGS, bins="10,16", **SPANS)
    write_shards(block(), streams, block_key="train-00000", settings=settings, tokenizer=tokenizer)
    lengths = []
    for stream in streams:
        (tmp_path / "shard").write_bytes(stream.getvalue())
        lengths.append([sum(r["input_mask"]) for r in read_records(tmp_path / "shard")])
    assert max(lengths[0]) <= 10 < min(lengths[1])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"masking": "dynamic"}, "--masking static with --objective span_corruption"),
        ({"do_whole_word_mask": True}, "no --do_whole_word_mask with --objective span_corruption"),
        ({"max_predictions_per_seq": 5}, "no --max_predictions_per_seq with --objective span_"),
    ],
)
def test_span_corruption_has_none_of_the_rules_of_masks(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(SETTINGS, **{**SPANS, **changes})
