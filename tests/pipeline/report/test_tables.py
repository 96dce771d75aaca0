"""Figures of literal runs and folders, as they stand in the report."""

import dataclasses

import pytest
from literal_runs import make_run

from data_prep.features import Manifest
from pipeline.report import tables
from pipeline.report.sources import DataFolder


def test_the_run_table_has_the_figures_of_its_columns():
    [(run, cells)] = tables.run_rows([make_run()])
    assert dict(zip(tables.run_columns([run]), cells, strict=True)) == {
        "steps": "20",
        "masked-LM loss": "3.500",
        "unigram plateau": "5.250",
        "masked-LM accuracy": "31.2%",
        "next-sentence accuracy": "75.0%",
        "tokens": "2.5 M",
        "training time": "90 s",
        # The median: the first rows of a run hold its compilation.
        "sequences/s": "300",
        "tokens/s": "–",
    }


def test_a_run_says_that_it_is_unfinished_and_how_it_was_lengthened():
    run = make_run()
    assert tables.run_notes(run) == []
    run.facts["lengthened"] = [
        {"at_step": 7, "before": 10, "now": 15},
        {"at_step": 15, "before": 15, "now": 1200},
    ]
    run.facts["recipe"]["train"]["num_train_steps"] = 1200
    assert tables.run_notes(dataclasses.replace(run, is_complete=False)) == [
        "unfinished: step 20 of 1,200",
        "lengthened at step 7: 10 to 15 steps",
        "lengthened at step 15: 15 to 1,200 steps",
    ]


def test_settings_that_differ_come_apart_from_those_shared():
    runs = [make_run(learning_rate=1.0), make_run(learning_rate=0.5)]
    differing, shared = tables.settings_rows(runs)
    assert differing == [("optimizer.learning_rate", ["1.0", "0.5"])]
    assert ("train.num_train_steps", ["20", "20"]) in shared
    assert ("versions.tensorflow", ["2.21.0", "2.21.0"]) in shared


def test_settings_of_the_recipe_that_other_commands_read_are_left_out():
    run = make_run()
    run.facts["recipe"]["glue"] = {"learning_rate": 1e-4}
    run.facts["recipe"]["vocab"] = {"vocab_size": 80, "limit": 9}
    keys = [key for key, _ in tables.settings_rows([run])[1]]
    assert "optimizer.learning_rate" in keys
    assert not [key for key in keys if key.startswith("glue.")]
    # The embedding table has so many rows; the rest made a vocabulary, perhaps another one.
    assert [key for key in keys if key.startswith("vocab.")] == ["vocab.vocab_size"]


def prepare_settings(made_with):
    run = make_run()
    run.facts["data_manifest"]["settings"] = {"dupe_factor": 3, "max_seq_length": 64, **made_with}
    run.facts["recipe"]["prepare"] = {
        "dupe_factor": 10,
        "max_seq_length": 32,
        "masked_lm_prob": 0.4,
        "max_predictions_per_seq": 9,
        "do_whole_word_mask": True,
    }
    _, shared = tables.settings_rows([run])
    rows = {key.removeprefix("prepare."): values for key, values in shared if "prepare." in key}
    return {key: value for key, (value,) in rows.items()}


def test_settings_of_records_are_those_of_their_manifest():
    assert prepare_settings({}) == {"dupe_factor": "3", "max_seq_length": "64"}


def test_settings_that_records_leave_open_are_those_of_the_recipe():
    shown = prepare_settings({"masking": "dynamic", "masked_lm_prob": 0.15, "bins": "32,64"})
    assert (shown["masked_lm_prob"], shown["max_seq_length"]) == ("0.4", "32")
    assert shown["dupe_factor"] == "3"


def test_a_run_without_pairs_has_no_figure_for_them():
    run = make_run()
    del run.heldout[0]["next_sentence_accuracy"]
    [(_, cells)] = tables.run_rows([run])
    column = tables.run_columns([run]).index("next-sentence accuracy")
    assert cells[column] == tables.NONE


@pytest.mark.parametrize(
    ("seconds", "text"), [(95, "95 s"), (423, "7.0 min"), (7500, "125 min"), (20000, "5.6 h")]
)
def test_durations(seconds, text):
    assert tables.duration(seconds) == text


def make_data(**statistics):
    return DataFolder(
        "records",
        Manifest(
            settings={},
            vocab={"size": 4096, "sha256": "00"},
            splits={
                "heldout": {"documents": 13, "sequences": 4012},
                "train": {"documents": 236, "sequences": 81234},
            },
            counts={"documents": 249, "sentences": 65432, "tokens": 2312345, "lines": 7},
            rejects={"utf8": 3, "too_long": 1, "empty": 0},
            statistics=statistics,
            versions={},
        ),
    )


def test_the_table_of_records():
    data = make_data(masked_share=0.1497, random_next_share=0.5, unknown_share=0.0031)
    assert tables.data_rows(data) == [
        ("documents", "249"),
        ("sentences", "65,432"),
        ("tokens", "2,312,345"),
        ("training sequences", "81,234 from 236 documents"),
        ("held-out sequences", "4,012 from 13 documents"),
        ("vocabulary", "4,096 pieces"),
        ("masked tokens", "15.0%"),
        ("random next sentences", "50.0%"),
        ("unknown tokens", "0.310%"),
        ("rejects", "4 (utf8 3, too_long 1)"),
    ]


def test_records_of_other_kinds_say_what_they_lack():
    data = make_data(masked_share=0.0, random_next_share=0.0)
    settings = {"masking": "dynamic", "objective": "mlm", "bins": "64,128"}
    data = DataFolder("records", dataclasses.replace(data.manifest, settings=settings))
    rows = dict(tables.data_rows(data))
    assert rows["masked tokens"] == "masked in training"
    assert rows["random next sentences"] == "no pairs"
    assert rows["bins"] == "64,128 tokens"


def test_records_of_a_t5_have_no_pairs():
    data = make_data(masked_share=0.15, random_next_share=0.0)
    settings = {"objective": "span_corruption"}
    data = DataFolder("records", dataclasses.replace(data.manifest, settings=settings))
    assert dict(tables.data_rows(data))["random next sentences"] == "no pairs"


def test_no_rejects_is_none():
    assert tables.rejects_text({"utf8": 0}) == "none"


def test_lengths_are_the_indices_of_the_recorded_list():
    data = make_data(length_histogram=[0, 0, 3, 0, 5])
    assert tables.sequence_lengths(data) == {2: 3, 4: 5}
    assert tables.sequence_lengths(make_data()) == {}
