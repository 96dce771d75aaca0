import pytest

from pipeline.lab.meta_training.backprop.curriculum import stages
from pipeline.lab.meta_training.recipe_file import load_meta_recipe


def test_the_three_recipes_differ_in_the_optimizer_alone():
    recipes = [vars(load_meta_recipe(f"learned_{kind}")) for kind in ("cam", "lstm", "rnnprop")]
    for recipe in recipes[1:]:
        differing = {name for name, value in recipe.items() if value != recipes[0][name]}
        assert differing == {"name", "optimizer"}


def test_every_stage_of_the_recipes_holds_three_full_unrolls():
    recipe = load_meta_recipe("learned_cam")
    for stage in stages(recipe):
        assert (stage.end - stage.first) * recipe.unroll_length >= 3 * stage.run_length


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("optimizer: adam", "optimizer must be one of cam, lstm, rnnprop, received 'adam'"),
        ("optimizer: cam\nrun_lengths: 100, 30", "multiples of unroll_length, 20, received 30"),
        ("optimizer: cam\nrun_lengths: 100; 200", "separated by commas, received '100; 200'"),
        ("optimizer: cam\nimitation_steps: 0", "imitation_steps must be at least 1, received 0"),
        (
            "optimizer: cam\nmeta_rate: 1.0",
            "the one before it, received 0.003, 1.0 and 1e-05",
        ),
        ("optimizer: cam\ntasks: {}", "tasks must name at least one task"),
    ],
)
def test_wrong_recipe_says_what_was_expected(tmp_path, text, message):
    text += "" if "tasks" in text else "\ntasks: {a: {}}"
    (tmp_path / "r.yaml").write_text(text)
    with pytest.raises(ValueError, match=message):
        load_meta_recipe(str(tmp_path / "r.yaml"))
