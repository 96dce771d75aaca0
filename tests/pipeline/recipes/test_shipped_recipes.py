"""Recipes of the package: each loads, says its command, and has the published numbers."""

import pytest

from pipeline.recipes import loader


@pytest.mark.parametrize("name", loader.recipe_names())
def test_every_shipped_recipe_loads_under_its_own_name(name):
    assert loader.load_recipe(name).name == name


@pytest.mark.parametrize("name", loader.recipe_names())
def test_every_shipped_recipe_opens_with_its_command(name):
    text = (loader.RECIPES_DIR / f"{name}.yaml").read_text()
    assert all(word in text for word in ("# Command:", "# Time:", "# Expect:"))


@pytest.mark.parametrize("size", ["tiny", "mini", "small", "medium", "base", "large"])
def test_every_size_has_a_recipe_for_three_optimizers(size):
    for optimizer in ("mnemosyne", "adamw", "lamb"):
        recipe = loader.load_recipe(f"bert_{size}_{optimizer}")
        assert (recipe.model.size, recipe.optimizer.name) == (size, optimizer)


def test_published_recipes_have_the_published_numbers():
    """Devlin et al. 2019, appendix A.2; You et al. 2020, table 4."""
    adamw, lamb = (loader.load_recipe(f"bert_large_{name}") for name in ("adamw", "lamb"))
    assert (adamw.train.num_train_steps, adamw.train.global_batch_size) == (1_000_000, 256)
    assert (adamw.optimizer.learning_rate, adamw.optimizer.num_warmup_steps) == (1e-4, 10_000)
    assert (lamb.train.num_train_steps, lamb.train.global_batch_size) == (125_000, 4_096)
    assert lamb.optimizer.learning_rate == pytest.approx(5 / (2**1.5 * 1e3), rel=1e-4)
    assert lamb.optimizer.num_warmup_steps == 125_000 // 40
    for recipe in (adamw, lamb):
        assert (recipe.optimizer.weight_decay, recipe.model.dropout) == (0.01, 0.1)
        assert (recipe.prepare.max_seq_length, recipe.prepare.max_predictions_per_seq) == (128, 20)
