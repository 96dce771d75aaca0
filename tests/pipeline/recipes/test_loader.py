import dataclasses

import pytest
import yaml

from pipeline.recipes import loader
from pipeline.recipes.train_section import TrainConfig


def test_unknown_recipe_lists_the_shipped_ones():
    with pytest.raises(FileNotFoundError, match="'nothing'.*bert_tiny_sample"):
        loader.load_recipe("nothing")


def test_unknown_key_names_the_nearest_one(tmp_path):
    (tmp_path / "r.yaml").write_text("train:\n  num_train_step: 5\n")
    with pytest.raises(ValueError, match="'train.num_train_step'.*'train.num_train_steps'"):
        loader.load_recipe(str(tmp_path / "r.yaml"))


def test_override_is_typed_as_the_field_is():
    recipe = loader.load_recipe(
        "bert_tiny_sample",
        ["train.num_train_steps=7", "optimizer.learning_rate=3e-4", "model.hidden_dim=64"],
    )
    assert recipe.train.num_train_steps == 7
    assert recipe.optimizer.learning_rate == 3e-4
    assert recipe.model.overrides(128)["hidden_dim"] == 64
    assert "num_layers" not in recipe.model.overrides(128)


def test_every_setting_of_fine_tuning_is_set_in_a_recipe():
    overrides = ["glue.num_train_epochs=2.5", "glue.optimizer=mnemosyne", "glue.tasks=RTE,CoLA"]
    glue = loader.load_recipe("bert_tiny_mnemosyne", overrides).glue
    assert (glue.num_train_epochs, glue.optimizer, glue.tasks) == (2.5, "mnemosyne", "RTE,CoLA")


@pytest.mark.parametrize(
    ("section", "key", "recipe"),
    [("glue", "optimizer", "bert_tiny_sample"), ("optimizer", "name", "bert_tiny_adamw")],
)
def test_a_rate_does_not_become_a_multiplier_of_mnemosynes(section, key, recipe):
    """The recipe's is a rate of AdamW; to Mnemosyne 1.0 is as meta-trained."""

    def rate(*overrides):
        return getattr(loader.load_recipe(recipe, overrides), section).learning_rate

    assert rate() < 0.01
    assert rate(f"{section}.{key}=mnemosyne") == 1.0
    assert rate(f"{section}.{key}=mnemosyne", f"{section}.learning_rate=0.5") == 0.5
    assert rate(f"{section}.{key}=adamw") == rate()


def test_a_warmup_in_steps_does_not_become_mnemosynes():
    recipe = loader.load_recipe("bert_base_adamw", ["optimizer.name=mnemosyne"])
    assert recipe.optimizer.num_warmup_steps is None


def write_recipes(folder, **texts):
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text)
    return str(folder / f"{next(iter(texts))}.yaml")


def test_a_recipe_takes_from_the_one_it_extends_what_it_leaves_out(tmp_path):
    file = write_recipes(
        tmp_path,
        small="extends: large.yaml\nmodel:\n  size: small\n",
        large="extends: bert_base_adamw\nmodel:\n  size: large\n  dropout: 0.2\n",
    )
    recipe = loader.load_recipe(file, ["train.random_seed=5"])
    base = loader.load_recipe("bert_base_adamw")
    assert (recipe.name, recipe.model.size, recipe.model.dropout) == ("small", "small", 0.2)
    assert (recipe.optimizer, recipe.prepare) == (base.optimizer, base.prepare)
    assert recipe.train == dataclasses.replace(base.train, random_seed=5)


def test_recipes_that_extend_each_other_or_nothing_are_refused(tmp_path):
    circle = write_recipes(tmp_path, a="extends: b.yaml\n", b="extends: a.yaml\n")
    with pytest.raises(ValueError, match="a.yaml extends itself, by way of .*a.yaml, .*b.yaml"):
        loader.load_recipe(circle)
    with pytest.raises(FileNotFoundError, match="No recipe 'nothing'"):
        loader.load_recipe(write_recipes(tmp_path, a="extends: nothing\n"))


@pytest.mark.parametrize(("text", "value"), [("null", None), ("0.9", 0.9), ("1", 1.0)])
def test_optional_number_takes_a_number_or_null(text, value):
    recipe = loader.load_recipe("bert_tiny_adamw", [f"optimizer.beta_2={text}"])
    assert recipe.optimizer.beta_2 == value
    with pytest.raises(ValueError, match="'optimizer.beta_2' .* must be float, received 'x'"):
        loader.load_recipe("bert_tiny_adamw", ["optimizer.beta_2=x"])


def test_saved_recipe_loads_as_the_same_one(tmp_path):
    recipe = loader.load_recipe("bert_tiny_sample", ["train.random_seed=9"])
    loader.save_recipe(recipe, tmp_path / "recipe.yaml")
    assert loader.load_recipe(str(tmp_path / "recipe.yaml")) == recipe


def test_file_that_is_no_mapping_is_refused(tmp_path):
    (tmp_path / "r.yaml").write_text("- 1\n")
    with pytest.raises(ValueError, match="must hold sections"):
        loader.load_recipe(str(tmp_path / "r.yaml"))


def test_file_that_is_no_yaml_is_refused(tmp_path):
    (tmp_path / "r.yaml").write_text("train: [1, 2\n")
    with pytest.raises(ValueError, match="r.yaml must be YAML, received"):
        loader.load_recipe(str(tmp_path / "r.yaml"))


def test_empty_section_is_the_default_and_takes_overrides(tmp_path):
    (tmp_path / "r.yaml").write_text("train:\n")
    recipe = loader.load_recipe(str(tmp_path / "r.yaml"), ["train.random_seed=4"])
    assert recipe.train == TrainConfig(random_seed=4)


def test_differences_name_section_and_key():
    old = {"train": {"a": 1, "b": 2}, "name": "x"}
    new = {"train": {"a": 1, "b": 3}, "name": "x", "glue": {"c": 4}}
    assert loader.differences(old, new) == ["train.b: 2 -> 3", "glue: None -> {'c': 4}"]


def test_recipes_are_plain_yaml(tmp_path):
    loader.save_recipe(loader.Recipe(), tmp_path / "recipe.yaml")
    assert yaml.safe_load((tmp_path / "recipe.yaml").read_text())["model"]["size"] == "base"
