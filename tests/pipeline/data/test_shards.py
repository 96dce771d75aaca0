import dataclasses

import pytest

from data_prep import features as records
from pipeline.data.shards import Shards, shards_of


@pytest.fixture
def manifest(records_dir):
    return records.load_manifest(records_dir)


def test_split_without_sequences_is_refused_with_the_flag(manifest, records_dir):
    with pytest.raises(ValueError, match="no 'test' sequences of 10 tokens.*--heldout_fraction"):
        shards_of(manifest, records_dir, "test", 10)


def in_bins(manifest, lengths):
    shards = [
        {"file": f"bin-{length}", "sequences": 10 * length, "max_seq_length": length}
        for length in lengths
    ]
    return dataclasses.replace(manifest, splits={"train": {"shards": shards}})


def test_of_bins_only_one_length_is_taken(manifest):
    taken = shards_of(in_bins(manifest, (64, 128, 64)), "d", "train", 64)
    assert taken == Shards(["d/bin-64", "d/bin-64"], [640, 640], [64, 64])
    assert taken.num_sequences == 1_280


def test_rows_of_several_records_take_the_shorter_bins_too(manifest):
    taken = shards_of(in_bins(manifest, (64, 128, 256)), "d", "train", 128, with_shorter=True)
    assert taken == Shards(["d/bin-64", "d/bin-128"], [640, 1_280], [64, 128])


def test_empty_bins_are_passed_over(manifest):
    manifest = in_bins(manifest, (64, 128))
    manifest.splits["train"]["shards"][0]["sequences"] = 0
    taken = shards_of(manifest, "d", "train", 128, with_shorter=True)
    assert taken == Shards(["d/bin-128"], [1_280], [128])
