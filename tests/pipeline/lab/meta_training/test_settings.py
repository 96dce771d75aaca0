import dataclasses

from pipeline.lab.meta_training.settings import MetaRecipe, TaskSettings


def test_what_is_learned_stands_for_meta_parameters():
    recipe = MetaRecipe(learned="rates, decays", tasks_per_step=1, tasks={"a": TaskSettings()})
    assert recipe.learned_entries() == [
        "rule/matrix_rate",
        "rule/elementwise_rate",
        "rule/momentum_decay",
        "rule/second_moment_decay",
    ]
    assert recipe.needs("copy") and not recipe.needs("text")
    text = dataclasses.replace(recipe, tasks={"a": TaskSettings(kind="text")})
    assert text.needs("text")
