import argparse
import dataclasses
import hashlib

import pytest
from numeric_bounds import chance

from data_prep.settings import (
    PreparationSettings,
    RecordSettings,
    VocabularySettings,
    add_flags,
    is_heldout,
)

SETTINGS = PreparationSettings(input=("a.txt",), input_digest="i", vocab_sha256="v")
IDS = [hashlib.blake2b(b"%d" % i, digest_size=16).digest() for i in range(5_000)]


def changed(**fields):
    return dataclasses.replace(SETTINGS, **fields)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("max_seq_length", 1_000_000, "--max_seq_length from 8 to 4096, received 1000000"),
        ("max_seq_length", 3, "--max_seq_length from 8"),
        ("max_predictions_per_seq", 0, "--max_predictions_per_seq from 1 to 128"),
        ("max_predictions_per_seq", 129, "--max_predictions_per_seq"),
        ("masked_lm_prob", 1.5, "--masked_lm_prob from 0 to 1, received 1.5"),
        ("masked_lm_prob", float("nan"), "--masked_lm_prob"),
        ("short_seq_prob", -0.1, "--short_seq_prob"),
        ("dupe_factor", 0, "--dupe_factor from 1"),
        ("num_shards", 0, "--num_shards from 1"),
        ("heldout_fraction", 1.0, "--heldout_fraction from 0 to 0.9"),
        ("sentences", "guess", "--sentences to be one of split, given"),
        ("objective", "clm", "--objective to be one of mlm_nsp, mlm_sop, mlm, span_corruption"),
        ("dedup", "fuzzy", "--dedup to be one of none, exact"),
        ("ids", "hf", "--ids to be one of bert, tf_text"),
        ("compression", "zip", "--compression to be one of none, gzip"),
        ("masking", "later", "--masking to be one of static, dynamic"),
        ("on_bad", "ignore", "--on_bad .REASON=.POLICY with a policy of quarantine"),
        ("max_ngram", 0, "--max_ngram from 1 to 10"),
        ("max_ngram", 2, "--do_whole_word_mask with --max_ngram 2, because"),
    ],
)
def test_a_value_out_of_range_is_refused_with_flag_range_and_value(field, value, message):
    with pytest.raises(ValueError, match=message):
        changed(**{field: value})


def test_defaults_are_those_of_bert():
    defaults = (128, 20, 0.15, 10, 0.1, 12345, False, True)
    assert defaults == (
        SETTINGS.max_seq_length,
        SETTINGS.max_predictions_per_seq,
        SETTINGS.masked_lm_prob,
        SETTINGS.dupe_factor,
        SETTINGS.short_seq_prob,
        SETTINGS.random_seed,
        SETTINGS.do_whole_word_mask,
        SETTINGS.do_lower_case,
    )


def test_blocks_are_even_and_all_known():
    settings = changed(num_shards=4, heldout_fraction=0.2)
    found = [settings.block_of(each) for each in IDS]
    assert sorted(set(found)) == sorted(settings.block_keys())
    margin = chance(5_000, 0.2, comparisons=4)
    for i in range(4):
        assert abs(found.count(f"train-0000{i}") / 5_000 - 0.2) < margin


def test_the_seed_moves_documents_between_blocks_but_not_between_splits():
    one, other = (changed(random_seed=seed, heldout_fraction=0.3) for seed in (1, 2))
    pairs = [(one.block_of(each), other.block_of(each)) for each in IDS]
    assert any(a != b for a, b in pairs)
    assert all(a.split("-")[0] == b.split("-")[0] for a, b in pairs)


def test_a_larger_fraction_holds_out_all_of_a_smaller_one():
    small = {each for each in IDS if is_heldout(each, 0.1)}
    large = {each for each in IDS if is_heldout(each, 0.3)}
    assert small < large
    assert abs(len(small) / 5_000 - 0.1) < chance(5_000, 0.1, comparisons=2)
    assert abs(len(large) / 5_000 - 0.3) < chance(5_000, 0.3, comparisons=2)


def test_a_fraction_of_zero_holds_nothing_out():
    assert not any(is_heldout(each, 0.0) for each in IDS)
    assert changed(heldout_fraction=0.0).num_heldout_shards == 0


def test_flags_recipe_and_records_have_one_default():
    flags = argparse.ArgumentParser()
    add_flags(flags, RecordSettings)
    assert SETTINGS.heldout_fraction == 0.02
    for field in dataclasses.fields(RecordSettings):
        if field.name in ("do_lower_case", "on_bad"):  # decided by the vocabulary; repeatable
            continue
        same = {getattr(SETTINGS, field.name), flags.get_default(field.name), field.default}
        assert len(same) == 1, field.name


@pytest.mark.parametrize("size", [0, -5])
def test_a_vocabulary_has_at_least_one_entry(size):
    with pytest.raises(ValueError, match=f"--vocab_size of at least 1, received {size}"):
        VocabularySettings(vocab_size=size)


@pytest.mark.parametrize(("shards", "fraction", "expected"), [(8, 0.01, 1), (100, 0.1, 10)])
def test_the_heldout_split_has_its_share_of_shards(shards, fraction, expected):
    assert changed(num_shards=shards, heldout_fraction=fraction).num_heldout_shards == expected


def test_shard_files_name_their_number_of():
    settings = changed(num_shards=12, heldout_fraction=0.1)
    assert settings.shard_files("train-00003") == ["train-00003-of-00012.tfrecord"]
    assert settings.shard_files("heldout-00000") == ["heldout-00000-of-00001.tfrecord"]


@pytest.mark.parametrize(
    ("fields", "difference"),
    [
        ({"dupe_factor": 5}, "dupe_factor: 10, now 5"),
        ({"vocab_sha256": "w"}, "vocab_file: another vocabulary"),
        ({"input_digest": "j"}, "input: the files have changed since"),
        ({"input_digest": "j", "input": ("b",)}, "input: ['a.txt'], now ['b']"),
    ],
)
def test_differences_are_said_in_words(fields, difference):
    settings = changed(**fields)
    assert settings.differences(SETTINGS.to_json()) == [difference]
    assert settings.fingerprint() != SETTINGS.fingerprint()


def test_another_spelling_of_the_same_files_is_no_difference():
    settings = changed(input=("./a.txt",))
    assert settings.differences(SETTINGS.to_json()) == []
    assert settings.fingerprint() == SETTINGS.fingerprint()


def test_a_recorded_setting_that_is_missing_is_a_difference():
    recorded = SETTINGS.to_json()
    del recorded["objective"]
    assert SETTINGS.differences(recorded) == ["objective: None, now mlm_nsp"]


def test_compressed_shards_have_the_suffix():
    settings = changed(compression="gzip")
    assert settings.shard_files("train-00000") == ["train-00000-of-00008.tfrecord.gz"]


def test_every_bin_has_its_shards():
    settings = changed(bins="32,128", num_shards=1)
    assert settings.lengths == (32, 128)
    assert settings.shard_files("train-00000") == [
        "train-00000-of-00001-bin-00032.tfrecord",
        "train-00000-of-00001-bin-00128.tfrecord",
    ]
    assert changed().lengths == (128,)


@pytest.mark.parametrize("bins", ["64", "128,64", "64,64,128", "4,128", "a,128", "64;128"])
def test_bins_that_do_not_grow_up_to_the_longest_are_refused(bins):
    with pytest.raises(ValueError, match=r"--max_seq_length .128., separated by commas, received"):
        changed(bins=bins)


def test_a_recipe_reads_one_of_the_bins_that_a_folder_has():
    """Phases of one training differ in `max_seq_length`; the records have every length."""
    assert RecordSettings(bins="64,128,512", max_seq_length=64).lengths == (64, 128, 512)
    with pytest.raises(ValueError, match="--bins of increasing lengths"):
        RecordSettings(bins="64,128", max_seq_length=100)
    with pytest.raises(ValueError, match="the last of them --max_seq_length .64."):
        changed(bins="64,128", max_seq_length=64)
