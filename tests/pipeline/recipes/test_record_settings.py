import pytest

from pipeline.recipes.record_settings import decided_by_recipe


@pytest.mark.parametrize(
    ("made_with", "decided"),
    [
        ({}, set()),
        ({"masking": "static", "bins": ""}, set()),
        ({"bins": "64,128"}, {"max_seq_length"}),
        (
            {"masking": "dynamic"},
            {"masked_lm_prob", "max_predictions_per_seq", "do_whole_word_mask"},
        ),
    ],
)
def test_recipe_decides_what_is_not_in_the_records(made_with, decided):
    assert decided_by_recipe(made_with) == decided
