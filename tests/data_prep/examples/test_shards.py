import dataclasses
import io

import numpy as np
import pytest
from small_token_block import SETTINGS, block

from data_prep.examples import token_blocks
from data_prep.examples.shards import write_shards


def test_the_shard_of_a_seed_never_changes(shard):
    # If this fails, every corpus comes out differently: that needs a line in the changelog.
    assert shard()[0]["shards"][0]["sha256"][:16] == "2e5ca89a2b4214b6"


@pytest.mark.parametrize(
    "change",
    [{"random_seed": 1}, {"block_key": "train-00001"}, {"do_whole_word_mask": True}],
)
def test_seed_block_and_rules_change_the_shard(shard, change):
    assert shard(**change)[0]["shards"][0]["sha256"] != shard()[0]["shards"][0]["sha256"]


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
    part = write_shards(
        block(),
        [io.BytesIO()],
        block_key="train-00000",
        settings=SETTINGS,
        tokenizer=tokenizer,
        on_progress=lambda *numbers: calls.append(numbers),
    )
    assert calls[-1] == (part["sequences"], part["sequences"])


def test_compressed_shards_hold_the_same_records_in_the_same_bytes_each_time(shard):
    part, records = shard(compression="gzip")
    assert records == shard()[1]
    assert shard(compression="gzip")[0]["shards"][0]["sha256"] == part["shards"][0]["sha256"]


def test_equal_documents_are_dropped_when_asked(tokenizer):
    twice = block()
    twice.document_ids[1] = twice.document_ids[0]
    settings = dataclasses.replace(SETTINGS, dedup="exact")
    arguments = {"block_key": "train-00000", "tokenizer": tokenizer}
    part = write_shards(twice, [io.BytesIO()], settings=settings, **arguments)
    assert (part["documents"], part["documents_duplicate"], part["sentences"]) == (2, 1, 6)
    kept = write_shards(twice, [io.BytesIO()], settings=SETTINGS, **arguments)
    assert (kept["documents"], kept["documents_duplicate"]) == (3, 0)


def test_masked_lm_alone_makes_one_segment_with_separators_never_masked(shard):
    part, records = shard(objective="mlm", dupe_factor=20)
    assert part["random_next"] == part["pairs_without_partner"] == 0
    inner = 0
    for record in records:
        ids, length = record["input_ids"], sum(record["input_mask"])
        count = int(sum(record["masked_lm_weights"]))
        for place, original in zip(
            record["masked_lm_positions"][:count], record["masked_lm_ids"], strict=False
        ):
            assert original not in (0, 2, 3)
            ids[place] = original
        assert ids[0] == 2 and ids[length - 1] == 3 and ids[length - 2] != 3
        assert record["segment_ids"] == [0] * 16
        assert record["next_sentence_labels"] == [0]
        inner += 3 in ids[: length - 1]
        text = [token for token in ids[1 : length - 1] if token != 3]
        assert text in ([1, *range(31, 60)][i : i + len(text)] for i in range(30))
    assert inner > 0


def test_sentence_order_swaps_neighbours(shard):
    _, records = shard(objective="mlm_sop", dupe_factor=20, masked_lm_prob=0.0)
    assert {record["next_sentence_labels"][0] for record in records} == {0, 1}


def test_ngrams_mask_more_neighbours(shard):
    def neighbours(records):
        places = [record["masked_lm_positions"][:3] for record in records]
        return np.mean([(np.diff(each) == 1).sum() for each in places])

    rules = {"do_whole_word_mask": True, "masked_lm_prob": 0.3, "dupe_factor": 200}
    # About 1,000 short records, standard deviation of the ratio 0.04.
    assert neighbours(shard(max_ngram=3, **rules)[1]) > 1.08 * neighbours(shard(**rules)[1])


def test_dynamic_records_are_those_of_static_masking_before_it(shard):
    part, records = shard(masking="dynamic")
    assert part["predictions"] == 0
    masked = shard()[1]
    assert len(records) == len(masked)
    for record, other in zip(records, masked, strict=True):
        count = int(sum(other["masked_lm_weights"]))
        ids = other["input_ids"]
        for place, original in zip(
            other["masked_lm_positions"][:count], other["masked_lm_ids"], strict=False
        ):
            ids[place] = original
        assert record["input_ids"] == ids
        assert record["input_mask"] == other["input_mask"]
        assert record["next_sentence_labels"] == other["next_sentence_labels"]


def test_bins_hold_the_sequences_of_their_lengths_padded_no_further(
    tokenizer, tmp_path, read_records
):
    streams = [io.BytesIO(), io.BytesIO()]
    settings = dataclasses.replace(SETTINGS, bins="10,16", dupe_factor=20)
    arguments = {"block_key": "train-00000", "tokenizer": tokenizer}
    part = write_shards(block(), streams, settings=settings, **arguments)
    lengths = []
    for stream, width, shard in zip(streams, (10, 16), part["shards"], strict=True):
        (tmp_path / "shard").write_bytes(stream.getvalue())
        records = read_records(tmp_path / "shard")
        assert {len(record["input_ids"]) for record in records} == {width}
        assert (len(records), width) == (shard["sequences"], shard["max_seq_length"])
        lengths.append([sum(record["input_mask"]) for record in records])
    assert max(lengths[0]) <= 10 < min(lengths[1])
    assert np.bincount(sum(lengths, []), minlength=17).tolist() == part["length_histogram"]
    single = write_shards(
        block(), [io.BytesIO()], settings=dataclasses.replace(settings, bins=""), **arguments
    )
    assert single["length_histogram"] == part["length_histogram"]


def test_a_pool_gives_partners_and_makes_no_record_of_its_own(tokenizer):
    single, pool = token_blocks.take(block(), [0]), token_blocks.take(block(), [0, 1])
    arguments = {"block_key": "train-00000", "tokenizer": tokenizer, "settings": SETTINGS}
    without = write_shards(single, [io.BytesIO()], **arguments)
    lent = write_shards(single, [io.BytesIO()], pool=pool, **arguments)
    assert without["random_next"] == 0 < without["pairs_without_partner"]
    assert lent["random_next"] > 0 == lent["pairs_without_partner"]
    for name in ("documents", "sentences", "tokens", "unknown_tokens"):
        assert lent[name] == without[name]
