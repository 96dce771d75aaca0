import dataclasses

import pytest

from data_prep import features as records
from pipeline.data.batch_shape import batch_shape, length_counts, predictions_by_length
from pipeline.data.packing import RowLimits

# Of 10 tokens: 6 records of 10, 4 of 5. They fill 8 rows.
HISTOGRAM = [0] * 5 + [4] + [0] * 4 + [6]


@pytest.fixture
def manifest(records_dir):
    manifest = records.load_manifest(records_dir)
    return dataclasses.replace(manifest, statistics={"length_histogram": HISTOGRAM})


def with_settings(manifest, **settings):
    return dataclasses.replace(manifest, settings={**manifest.settings, **settings})


def test_without_packing_a_row_is_a_record(manifest, tiny_recipe):
    shape = batch_shape(tiny_recipe(), manifest)
    assert shape.limits == RowLimits(max_tokens=10, max_sequences=1, max_predictions=3)
    assert (shape.rows, shape.most_labels, shape.record_lengths) == (8, 24, (10,))
    assert (shape.sequences_per_row, shape.useful_fraction) == (1.0, 0.8)


def test_packed_rows_are_as_full_as_the_lengths_allow(manifest, tiny_recipe):
    packed = tiny_recipe("train.packing=true", "prepare.masked_lm_prob=0.3")
    shape = batch_shape(packed, manifest)
    # 30 % of 10 tokens are 3, of 5 tokens 1.5, rounded to 2, of which a row has two.
    assert shape.limits == RowLimits(max_tokens=10, max_sequences=2, max_predictions=4)
    assert shape.most_labels == 8 * 4
    assert (shape.sequences_per_row, shape.useful_fraction) == (10 / 8, 1.0)


def test_without_known_lengths_nothing_is_said_of_how_full_rows_are(records_dir, tiny_recipe):
    shape = batch_shape(tiny_recipe(), records.load_manifest(records_dir))
    assert shape.most_labels == 24
    assert (shape.sequences_per_row, shape.useful_fraction) == (None, None)


def test_rows_take_the_bins_up_to_their_length(manifest, tiny_recipe):
    manifest = with_settings(manifest, bins="5,10,20", max_seq_length=20)
    assert batch_shape(tiny_recipe(), manifest).record_lengths == (10,)
    assert batch_shape(tiny_recipe("train.packing=true"), manifest).record_lengths == (5, 10)
    assert length_counts(manifest, 5).tolist() == [0, 0, 0, 0, 0, 4]


def test_room_for_predictions_follows_whoever_masks_and_the_highest_fraction(manifest, tiny_recipe):
    recipe = tiny_recipe(
        "prepare.max_predictions_per_seq=9",
        "prepare.masked_lm_prob=0.1",
        "train.initial_masked_lm_prob=0.4",
    )
    unmasked = with_settings(manifest, masking="dynamic", masked_lm_prob=0.2)
    assert predictions_by_length(recipe, unmasked)[10] == 4
    masked = with_settings(manifest, masking="static", masked_lm_prob=0.2)
    assert predictions_by_length(recipe, masked)[10] == 2
