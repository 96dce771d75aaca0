import dataclasses

import numpy as np
import pytest

from pipeline.lab.meta_training.pes.lever_space import LeverSpace
from pipeline.lab.meta_training.pes.settings import PesRecipe
from pipeline.lab.meta_training.recipe_file import load_meta_recipe
from pipeline.lab.meta_training.settings import TaskSettings

RECIPE = PesRecipe(tasks_per_step=1, tasks={"mlp": TaskSettings(kind="mlp")})


def test_recipe_that_names_levers_is_one_of_persistent_evolution():
    recipe = load_meta_recipe("memory_pes")
    assert isinstance(recipe, PesRecipe)
    assert recipe.levers == "memory" and recipe.tasks["mlp"].rescaling > 0


@pytest.mark.parametrize("levers", ["memory", "without_memory", "without_encoder", "constants"])
def test_ablations_are_recipes_that_differ_in_one_word(levers):
    name = "memory_pes" if levers == "memory" else f"{levers}_pes"
    recipe, whole = load_meta_recipe(name), load_meta_recipe("memory_pes")
    assert dataclasses.replace(recipe, name=whole.name, levers="memory") == whole
    assert recipe.levers == levers


@pytest.mark.parametrize(
    ("levers", "learned", "numbers"),
    # Of 12 roles, three levers, a width of 8: the kernel of the head, and the offsets by role.
    [
        ("memory", "heads", 8 * 3 + 12 * 3),
        ("constants", "heads", 12 * 3),
        ("constants", "all", 12 * 3),
    ],
)
def test_what_is_learned(levers, learned, numbers):
    space = LeverSpace(dataclasses.replace(RECIPE, levers=levers, learned=learned))
    assert len(space.origin) == numbers


def test_heads_are_learned_with_all_else():
    every, heads = (
        LeverSpace(dataclasses.replace(RECIPE, learned=learned)) for learned in ("all", "heads")
    )
    assert set(heads.names) < set(every.names)
    assert not np.any(heads.origin)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"levers": "all"}, "levers must be one of memory, .*received 'all'"),
        ({"learned": "tails"}, "learned must be one of all, heads, received 'tails'"),
        ({"kept_for": "ever"}, "kept_for must be one of truncation, run, received 'ever'"),
        ({"sigma": 0.0}, "sigma must be above 0 .*received 0.0"),
        ({"pairs": 0}, "pairs must be at least 1, received 0"),
        ({"final_meta_rate": 1.0}, "not above meta_rate, received 1.0"),
        ({"tasks_per_step": 2}, "received 2 for 1 tasks"),
        ({"shortest_run": 500}, "received 500, 50 and 400 of mlp"),
        ({"truncation": 200}, "received 100, 200 and 400 of mlp"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(RECIPE, **changes)
