import dataclasses

import pytest

from pipeline.lab.meta_training.backprop.curriculum import Stage, meta_rate, stages
from pipeline.lab.meta_training.backprop.settings import LearnedRecipe
from pipeline.lab.meta_training.settings import TaskSettings

RECIPE = LearnedRecipe(
    imitation_steps=7, meta_steps=12, run_lengths="40, 80, 120", tasks={"a": TaskSettings()}
)


def test_stages_have_meta_steps_in_proportion_to_the_length_of_their_runs():
    found = [(stage.name, stage.run_length, stage.first, stage.end) for stage in stages(RECIPE)]
    assert found == [
        ("imitation", 40, 0, 7),
        ("runs of 40", 40, 7, 9),
        ("runs of 80", 80, 9, 13),
        ("runs of 120", 120, 13, 19),
    ]


@pytest.mark.parametrize(
    ("run", "meta_steps"), [(0, [5, 9, 13]), (1, [5, 8, 12]), (3, [5, 6, 10, 14])]
)
def test_runs_are_reset_one_after_the_other_each_after_its_length(run, meta_steps):
    stage = Stage(is_imitation=False, run_length=80, first=5, end=15)
    assert [i for i in range(5, 15) if stage.is_reset(run, i, RECIPE)] == meta_steps


def test_the_rate_falls_to_that_of_back_propagation_and_from_there_to_the_last():
    recipe = dataclasses.replace(RECIPE, imitation_rate=1.0, meta_rate=0.2, final_meta_rate=0.1)
    recipe = dataclasses.replace(recipe, imitation_steps=8)
    rates = [meta_rate(recipe, step) for step in (0, 4, 8, 8 + 6, 8 + 12)]
    assert rates == pytest.approx([1.0, 0.6, 0.2, 0.15, 0.1])
