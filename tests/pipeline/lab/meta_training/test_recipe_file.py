import pytest

from pipeline.lab.meta_training import recipe_file
from pipeline.lab.meta_training.recipe_file import load_meta_recipe

RECIPES = sorted(file.stem for file in recipe_file.RECIPES_DIR.glob("*.yaml"))


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_loads_and_begins_with_its_command(name):
    assert load_meta_recipe(name).name == name
    text = (recipe_file.RECIPES_DIR / f"{name}.yaml").read_text()
    assert all(word in text for word in ("# Command:", "# Time:", "# Expect:"))


def test_the_resolved_recipe_is_read_back(tmp_path):
    recipe = load_meta_recipe("copy_and_digits")
    recipe_file.save_meta_recipe(recipe, tmp_path / "recipe.yaml")
    assert load_meta_recipe(str(tmp_path / "recipe.yaml")) == recipe


def test_another_seed_may_be_asked_for():
    for name in ("copy_and_digits", "learned_cam"):
        assert load_meta_recipe(name).seed == 0
        assert load_meta_recipe(name, seed=3).seed == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("meta_step: 3\ntasks: {a: {}}", "'meta_step'.*Did you mean 'meta_steps'"),
        ("tasks: {a: {withd: 3}}", "tasks.a: Unknown key 'tasks.a.withd'.*'tasks.a.width'"),
        ("tasks: {a: {kind: rnn}}", "tasks.a: kind must be one of copy, text, mlp, vit, prompt"),
        ("tasks: {a: {num_steps: 100}}", "tasks.a: num_steps must be a multiple of 8"),
        ("tasks: {a: {pretraining_steps: 4}}", "pretraining_steps must be a multiple of 8"),
        ("tasks: {a: {prompt_len: 0}}", "prompt_len must be at least 1"),
        ("tasks: {a: {width: 31}}", "width must be a multiple of num_heads"),
        ("tasks: {a: {seq_len: 0}}", "seq_len must be at least 1"),
        ("tasks: {a: 3}", "'tasks.a' in .* must be a section"),
        ("tasks: [a]", "'tasks' in .* must hold named sections"),
        ("tasks_per_step: 1", "tasks_per_step must be from 1 .* received 1 for 0 tasks"),
        ("members: 6\nmembers_at_once: 4\ntasks: {a: {}}", "multiple of members_at_once"),
        ("learned: rates, betas\ntasks: {a: {}}", "learned must name some of rates.*'betas'"),
        ("meta_steps: 0\ntasks: {a: {}}", "meta_steps must be at least 1"),
        ("initial_spread: 0\ntasks: {a: {}}", "initial_spread above 0"),
        ("- a", "must hold settings and tasks"),
    ],
)
def test_wrong_recipe_says_what_was_expected(tmp_path, text, message):
    if "tasks_per_step" not in text:
        text = "tasks_per_step: 1\n" + text if not text.startswith("-") else text
    (tmp_path / "r.yaml").write_text(text)
    with pytest.raises(ValueError, match=message):
        load_meta_recipe(str(tmp_path / "r.yaml"))


def test_unknown_recipe_lists_the_known_ones():
    with pytest.raises(FileNotFoundError, match="'nothing'.*copy_and_digits"):
        load_meta_recipe("nothing")
