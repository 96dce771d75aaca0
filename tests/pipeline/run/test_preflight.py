import dataclasses
import json
import re

import pytest
import tensorflow as tf

from data_prep import features as records
from models import BertConfig
from pipeline.objectives.masked_lm import MaskedLM
from pipeline.run import preflight


def test_matching_records_pass(records_dir, tiny_recipe):
    preflight.check_records(tiny_recipe(), records.load_manifest(records_dir), records_dir)


def test_other_sequence_length_names_flag_and_both_values(records_dir, tiny_recipe):
    recipe = tiny_recipe("prepare.max_seq_length=12")
    with pytest.raises(ValueError, match="max_seq_length=12.*max_seq_length=10.*--max_seq_length"):
        preflight.check_records(recipe, records.load_manifest(records_dir), records_dir)


def with_settings(records_dir, **settings):
    manifest = records.load_manifest(records_dir)
    return dataclasses.replace(manifest, settings={**manifest.settings, **settings})


def test_every_bin_passes_and_another_length_lists_them(records_dir, tiny_recipe):
    manifest = with_settings(records_dir, max_seq_length=20, bins="8,10,20")
    for length in (8, 10, 20):
        recipe = tiny_recipe(f"prepare.max_seq_length={length}")
        preflight.check_records(recipe, manifest, records_dir)
    with pytest.raises(ValueError, match="asks for 15, .* has bins of 8, 10, 20. Pass --set"):
        preflight.check_records(tiny_recipe("prepare.max_seq_length=15"), manifest, records_dir)


def test_packing_needs_to_know_how_long_records_are(records_dir, tiny_recipe):
    manifest, recipe = records.load_manifest(records_dir), tiny_recipe("train.packing=true")
    with pytest.raises(ValueError, match="'length_histogram'.*--set train.packing=false"):
        preflight.check_records(recipe, manifest, records_dir)
    counted = dataclasses.replace(manifest, statistics={"length_histogram": [0] * 10 + [61]})
    preflight.check_records(recipe, counted, records_dir)


def test_a_masked_fraction_without_effect_is_refused(records_dir, tiny_recipe):
    halved = ("train.initial_masked_lm_prob=0.5", "prepare.max_predictions_per_seq=3")
    with pytest.raises(ValueError, match="no effect on masked records.*--masking dynamic"):
        preflight.check_records(tiny_recipe(*halved), with_settings(records_dir), records_dir)
    unmasked = with_settings(records_dir, masking="dynamic")
    with pytest.raises(ValueError, match="at least 5 to mask 50% of 10 tokens, received 3") as why:
        preflight.check_records(tiny_recipe(*halved), unmasked, records_dir)
    remedy = re.findall(r"--set (\S+[^\s,.])", str(why.value))
    preflight.check_records(tiny_recipe(*halved, *remedy), unmasked, records_dir)


def test_of_unmasked_records_the_recipe_decides_the_number_of_predictions(records_dir, tiny_recipe):
    recipe = tiny_recipe("prepare.max_predictions_per_seq=7")
    preflight.check_records(recipe, with_settings(records_dir, masking="dynamic"), records_dir)
    with pytest.raises(ValueError, match="max_predictions_per_seq=7.*max_predictions_per_seq=3"):
        preflight.check_records(recipe, with_settings(records_dir), records_dir)


def test_all_that_differs_is_named_at_once_with_what_mends_it(records_dir, tiny_recipe):
    differs = ("prepare.max_seq_length=12", "prepare.max_predictions_per_seq=4")
    manifest = with_settings(records_dir, do_lower_case=False)
    with pytest.raises(ValueError, match="The recipe expects") as refused:
        preflight.check_records(tiny_recipe(*differs), manifest, records_dir)
    remedy = re.findall(r"--set (\S+[^\s,])", str(refused.value))
    assert len(remedy) == 3
    preflight.check_records(tiny_recipe(*differs, *remedy), manifest, records_dir)


@pytest.mark.parametrize("prepared", [True, False])
def test_casing_of_recipe_and_records_must_agree(records_dir, tiny_recipe, prepared):
    manifest = with_settings(records_dir, do_lower_case=prepared)
    fits, other = (f"vocab.do_lower_case={str(x).lower()}" for x in (prepared, not prepared))
    preflight.check_records(tiny_recipe(fits), manifest, records_dir)
    with pytest.raises(ValueError, match=f"do_lower_case=.* Pass --set {fits}, or"):
        preflight.check_records(tiny_recipe(other), manifest, records_dir)


def test_ngrams_that_nobody_would_make_are_refused(records_dir, tiny_recipe):
    manifest = with_settings(records_dir, masking="dynamic", max_ngram=3)
    with pytest.raises(ValueError, match="--max_ngram 3 and --masking dynamic.*--masking static"):
        preflight.check_records(tiny_recipe(), manifest, records_dir)


def bert_config(recipe):
    overrides = recipe.model.overrides(recipe.prepare.max_seq_length)
    return BertConfig.named(recipe.model.size, vocab_size=recipe.vocab.vocab_size, **overrides)


def check_initial_run(recipe, manifest):
    preflight.check_initial_run(recipe, manifest, MaskedLM())


@pytest.fixture
def first_phase(tmp_path, records_dir, tiny_recipe):
    """A run folder with the facts and the checkpoint of a first phase."""
    manifest = dataclasses.asdict(records.load_manifest(records_dir))
    facts = {"recipe": tiny_recipe().to_dict(), "data_manifest": manifest}
    (tmp_path / "run.json").write_text(json.dumps(facts))
    bert_config(tiny_recipe()).save(tmp_path / "bert_config.json")
    tf.train.Checkpoint(step=tf.Variable(1)).save(str(tmp_path / "checkpoints" / "ckpt"))
    return tmp_path


def test_initial_run_may_differ_in_all_but_model_and_vocabulary(
    first_phase, records_dir, tiny_recipe
):
    manifest = records.load_manifest(records_dir)
    fits = (f"train.initial_run={first_phase}", "model.dropout=0.3", "train.num_train_steps=99")
    check_initial_run(tiny_recipe(*fits), manifest)
    with pytest.raises(ValueError, match="differs in num_layers: 1 -> 2. Train the same model"):
        check_initial_run(tiny_recipe(*fits, "model.num_layers=2"), manifest)
    other = dataclasses.replace(manifest, vocab={"size": 50, "sha256": "other"})
    with pytest.raises(ValueError, match="differs in vocab.txt"):
        check_initial_run(tiny_recipe(*fits), other)
    longer = tiny_recipe(*fits, "prepare.max_seq_length=640")
    with pytest.raises(ValueError, match="512 -> 640.*--set model.max_position_embeddings=640"):
        check_initial_run(longer, manifest)


def test_initial_run_without_a_checkpoint_is_refused(tmp_path, records_dir, tiny_recipe):
    recipe = tiny_recipe(f"train.initial_run={tmp_path}")
    with pytest.raises(FileNotFoundError, match="has no checkpoint"):
        check_initial_run(recipe, records.load_manifest(records_dir))


def test_run_continues_only_with_the_meta_parameters_it_began_with():
    preflight.check_same_meta_parameters(None, "69b05fe60cce")
    preflight.check_same_meta_parameters({"meta_parameters": "69b05fe60cce"}, "69b05fe60cce")
    preflight.check_same_meta_parameters({"meta_parameters": None}, None)
    for began_with, named in (
        ("nominal", "nominal"),
        ("ae19ddae6d5d", "ae19ddae6d5d"),
    ):
        with pytest.raises(ValueError, match=f"{named}, this release trains with 69b05fe6"):
            preflight.check_same_meta_parameters({"meta_parameters": began_with}, "69b05fe60cce")


def test_run_continues_only_on_the_records_it_began_with(records_dir):
    manifest = records.load_manifest(records_dir)
    facts = {"data": "old", "data_manifest": dataclasses.asdict(manifest)}
    preflight.check_same_records(None, manifest, records_dir)
    preflight.check_same_records(facts, manifest, records_dir)
    other = dataclasses.replace(manifest, vocab={"size": 50, "sha256": "other"})
    with pytest.raises(ValueError, match="began with the records of old.*'vocab'"):
        preflight.check_same_records(facts, other, records_dir)


def test_vocabulary_larger_than_the_table_is_refused(records_dir, tiny_recipe):
    manifest = records.load_manifest(records_dir)
    manifest = dataclasses.replace(manifest, vocab={"size": 51, "sha256": ""})
    with pytest.raises(ValueError, match="has 51 entries, the recipe says 50"):
        preflight.check_records(tiny_recipe(), manifest, records_dir)


def test_batch_must_divide_among_replicas(tiny_recipe):
    preflight.check_batch(tiny_recipe(), 2)
    with pytest.raises(ValueError, match="multiple of the 3 replicas, received 8.*=9"):
        preflight.check_batch(tiny_recipe(), 3)


def test_advice_on_casing_is_not_a_command_that_prepare_refuses(tiny_recipe, records_dir):
    manifest = with_settings(records_dir, do_lower_case=False)
    with pytest.raises(ValueError, match="--vocab_file") as caught:
        preflight.check_records(tiny_recipe(), manifest, records_dir)
    assert "prepare --do_lower_case" not in str(caught.value)
