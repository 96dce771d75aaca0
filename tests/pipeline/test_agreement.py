import dataclasses

import pytest

from data_prep import features as records
from pipeline import agreement


def test_matching_records_pass(records_dir, tiny_recipe):
    agreement.check_records(tiny_recipe(), records.load_manifest(records_dir), records_dir)


def test_other_sequence_length_names_flag_and_both_values(records_dir, tiny_recipe):
    recipe = tiny_recipe("prepare.max_seq_length=12")
    with pytest.raises(ValueError, match="max_seq_length=12.*max_seq_length=10.*--max_seq_length"):
        agreement.check_records(recipe, records.load_manifest(records_dir), records_dir)


@pytest.mark.parametrize(
    ("flag", "value", "message"),
    [
        ("objective", "mlm", "--objective mlm, .*with --objective mlm_nsp"),
        ("masking", "dynamic", "--masking dynamic, .*with --masking static"),
        ("bins", [64, 128], "--bins .*without --bins"),
    ],
)
def test_records_for_other_trainers_are_refused(records_dir, tiny_recipe, flag, value, message):
    manifest = records.load_manifest(records_dir)
    manifest = dataclasses.replace(manifest, settings={**manifest.settings, flag: value})
    with pytest.raises(ValueError, match=message):
        agreement.check_records(tiny_recipe(), manifest, records_dir)


def test_run_continues_only_on_the_records_it_began_with(records_dir):
    manifest = records.load_manifest(records_dir)
    facts = {"data": "old", "data_manifest": dataclasses.asdict(manifest)}
    agreement.check_same_records(None, manifest, records_dir)
    agreement.check_same_records(facts, manifest, records_dir)
    other = dataclasses.replace(manifest, vocab={"size": 50, "sha256": "other"})
    with pytest.raises(ValueError, match="began with the records of old.*'vocab'"):
        agreement.check_same_records(facts, other, records_dir)


def test_vocabulary_larger_than_the_table_is_refused(records_dir, tiny_recipe):
    manifest = records.load_manifest(records_dir)
    manifest = dataclasses.replace(manifest, vocab={"size": 51, "sha256": ""})
    with pytest.raises(ValueError, match="has 51 entries, the recipe says 50"):
        agreement.check_records(tiny_recipe(), manifest, records_dir)


def test_batch_must_divide_among_replicas(tiny_recipe):
    agreement.check_batch(tiny_recipe(), 2)
    with pytest.raises(ValueError, match="multiple of the 3 replicas, received 8.*=9"):
        agreement.check_batch(tiny_recipe(), 3)
