import dataclasses
import hashlib
import io

import numpy as np
import pytest

from data_prep.preparation_settings import PreparationSettings
from data_prep.shards import write_shard
from data_prep.token_blocks import TokenBlock

SETTINGS = PreparationSettings(
    input=(),
    input_digest="",
    vocab_sha256="",
    max_seq_length=16,
    max_predictions_per_seq=3,
    dupe_factor=3,
)


def block():
    """Three documents of 6, 4 and no sentences, 1 to 5 tokens each."""
    counts = np.array([6, 4, 0])
    lengths = np.array([1, 2, 3, 4, 5, 1, 2, 3, 4, 5])
    ids = (np.arange(30) + 30).astype(np.uint16)
    ids[0] = 1  # [UNK]
    return TokenBlock([b"a" * 16, b"b" * 16, b"c" * 16], counts, lengths, ids)


@pytest.fixture
def shard(tokenizer, tmp_path, read_records):
    """Returns `shard(**settings)` -> (part, records)."""

    def make(block_key="train-00000", **changes):
        stream = io.BytesIO()
        part = write_shard(
            block(),
            stream,
            block_key=block_key,
            settings=dataclasses.replace(SETTINGS, **changes),
            tokenizer=tokenizer,
        )
        assert part["sha256"] == hashlib.sha256(stream.getvalue()).hexdigest()
        (tmp_path / "shard").write_bytes(stream.getvalue())
        return part, read_records(tmp_path / "shard")

    return make


def test_the_shard_of_a_seed_never_changes(shard):
    # If this fails, every corpus comes out differently: that needs a new format version.
    assert shard()[0]["sha256"][:16] == "239debe4cbc0afd0"


@pytest.mark.parametrize(
    "change",
    [{"random_seed": 1}, {"block_key": "train-00001"}, {"do_whole_word_mask": True}],
)
def test_seed_block_and_rules_change_the_shard(shard, change):
    assert shard(**change)[0]["sha256"] != shard()[0]["sha256"]


def test_the_part_counts_what_the_records_hold(shard):
    part, records = shard()
    assert (part["documents"], part["documents_without_text"]) == (3, 1)
    assert (part["sentences"], part["tokens"], part["unknown_tokens"]) == (10, 30, 1)
    lengths = [sum(record["input_mask"]) for record in records]
    assert part["sequences"] == len(records)
    assert part["sequence_tokens"] == sum(lengths)
    assert part["length_histogram"] == np.bincount(lengths, minlength=17).tolist()
    assert part["random_next"] == sum(record["next_sentence_labels"][0] for record in records)
    assert part["predictions"] == sum(sum(record["masked_lm_weights"]) for record in records)


def test_records_hold_the_features_of_bert_at_full_length(shard):
    _, records = shard()
    lengths = {name: len(values) for name, values in records[0].items()}
    assert lengths == {
        "input_ids": 16,
        "input_mask": 16,
        "segment_ids": 16,
        "masked_lm_positions": 3,
        "masked_lm_ids": 3,
        "masked_lm_weights": 3,
        "next_sentence_labels": 1,
    }


def test_heldout_documents_are_used_once(shard):
    train, heldout = shard()[0], shard("heldout-00000")[0]
    assert heldout["sequences"] <= 10 < train["sequences"]


def test_progress_ends_with_all_sequences(tokenizer):
    calls = []
    part = write_shard(
        block(),
        io.BytesIO(),
        block_key="train-00000",
        settings=SETTINGS,
        tokenizer=tokenizer,
        on_progress=lambda *numbers: calls.append(numbers),
    )
    assert calls[-1] == (part["sequences"], part["sequences"])
