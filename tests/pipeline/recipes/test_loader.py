import dataclasses

import pytest
import yaml

from pipeline.recipes import loader
from pipeline.recipes.train_section import TrainConfig


@pytest.mark.parametrize("name", loader.recipe_names())
def test_every_shipped_recipe_loads_under_its_own_name(name):
    assert loader.load_recipe(name).name == name


@pytest.mark.parametrize("name", loader.recipe_names())
def test_every_shipped_recipe_opens_with_its_command(name):
    text = (loader.RECIPES_DIR / f"{name}.yaml").read_text()
    assert all(word in text for word in ("# Command:", "# Time:", "# Expect:"))


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


@pytest.mark.parametrize(
    ("overrides", "rows"),
    [
        ([], 512),
        (["prepare.max_seq_length=640"], 640),
        (["model.max_position_embeddings=64"], 64),
        (["prepare.max_seq_length=640", "model.max_position_embeddings=1024"], 1024),
    ],
)
def test_table_of_positions_is_as_published_or_as_long_as_the_records(overrides, rows):
    recipe = loader.load_recipe("bert_tiny_sample", overrides)
    length = recipe.prepare.max_seq_length
    assert recipe.model.overrides(length)["max_position_embeddings"] == rows


def test_remedy_of_a_table_of_positions_that_is_too_short_works():
    overrides = ["prepare.max_seq_length=640", "model.max_position_embeddings=512"]
    remedy = "--set (model.max_position_embeddings=640)"
    with pytest.raises(ValueError, match=f"at least prepare.max_seq_length .640.*{remedy}"):
        loader.load_recipe("bert_tiny_sample", overrides)
    loader.load_recipe("bert_tiny_sample", [*overrides, "model.max_position_embeddings=640"])


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


def test_casing_is_said_once():
    recipe = loader.load_recipe("bert_tiny_sample", ["vocab.do_lower_case=false"])
    assert recipe.prepare.do_lower_case is None  # as the vocabulary
    both = ["vocab.do_lower_case=false", "prepare.do_lower_case=true"]
    with pytest.raises(ValueError, match="one casing for vocabulary and records"):
        loader.load_recipe("bert_tiny_sample", both)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.num_train_steps=many", "must be int, received 'many'"),
        ("train.num_train_steps=0", "train.num_train_steps must be at least 1, received 0"),
        ("prepare.do_lower_case=1", "must be bool, received 1"),
        ("train.num_train_steps", "expects section.key=value"),
        ("train=5", "'train' in .* must be a section of settings, received 5"),
        ("model.size.first=x", "'size' is no section"),
        ("trian.num_train_steps=3", "Did you mean 'train'"),
        ("optimizer.name=adam", "Unknown optimizer.name 'adam'.*mnemosyne, adamw, .*, sgd"),
        ("optimizer.name=adamw", "learning_rate must be given with optimizer.name=adamw"),
        ("optimizer.without=cam", "must be one of heads, .*, or empty; received cam"),
        ("optimizer.decay_power=0", "decay_power must be above 0, received 0"),
        ("optimizer.decay_start=1", "decay_start must be from 0 to below 1, received 1"),
        ("prepare.masked_lm_prob=1.5", "Expected prepare.masked_lm_prob from 0 to 1, received 1.5"),
        ("prepare.objective=clm", "Expected prepare.objective to be one of mlm_nsp"),
        ("vocab.vocab_size=0", "Expected vocab.vocab_size of at least 1, received 0"),
        ("glue.batch_size=0", "glue.batch_size: expected more than 0, received 0"),
        ("glue.optimizer=adam", "glue.optimizer: expected one of mnemosyne"),
    ],
)
def test_wrong_override_says_what_was_expected(override, message):
    with pytest.raises(ValueError, match=message):
        loader.load_recipe("bert_tiny_sample", [override])


@pytest.mark.parametrize(
    "key", ["warmup_fraction", "decay_start", "decay_power", "weight_decay", "clip_norm", "beta_2"]
)
def test_setting_that_mnemosyne_would_ignore_is_refused(key):
    with pytest.raises(ValueError, match=f"optimizer.{key} does nothing for mnemosyne.*0.5"):
        loader.load_recipe("bert_tiny_mnemosyne", [f"optimizer.{key}=0.5"])
    recipe = loader.load_recipe("bert_tiny_adamw", [f"optimizer.{key}=0.5"])
    assert getattr(recipe.optimizer, key) == 0.5


@pytest.mark.parametrize("key", ["decay_start", "decay_power"])
def test_rate_that_never_falls_has_no_start_and_no_power_of_its_decay(key):
    overrides = ["optimizer.name=schedule_free_adamw", f"optimizer.{key}=0.5"]
    with pytest.raises(ValueError, match=f"{key} does nothing for schedule_free_adamw.*0.5"):
        loader.load_recipe("bert_tiny_adamw", overrides)


@pytest.mark.parametrize(
    ("recipe", "overrides", "message"),
    [
        (
            "bert_tiny_adamw",
            ["schedule=constant"],
            "one of whole, stable, decay, received constant",
        ),
        ("bert_tiny_adamw", ["schedule=stable"], "Pass --set optimizer.num_warmup_steps=10000"),
        ("bert_tiny_adamw", ["num_warmup_steps=-1"], "at least 0, received -1"),
        (
            "bert_tiny_adamw",
            ["schedule=stable", "num_warmup_steps=5", "decay_start=0.5"],
            "decay_start does nothing with optimizer.schedule=stable; received 0.5",
        ),
        (
            "bert_tiny_adamw",
            ["schedule=decay", "num_warmup_steps=5"],
            "num_warmup_steps does nothing with optimizer.schedule=decay; received 5",
        ),
        (
            "bert_tiny_adamw",
            ["name=schedule_free_adamw", "schedule=stable", "num_warmup_steps=5"],
            "schedule=stable does nothing for schedule_free_adamw",
        ),
        ("bert_tiny_mnemosyne", ["num_warmup_steps=5"], "num_warmup_steps does nothing for mnem"),
    ],
)
def test_a_phase_of_a_schedule_takes_what_it_has_and_needs(recipe, overrides, message):
    with pytest.raises(ValueError, match=message):
        loader.load_recipe(recipe, [f"optimizer.{override}" for override in overrides])


def test_mnemosyne_has_a_constant_phase_without_settings():
    recipe = loader.load_recipe("bert_tiny_mnemosyne", ["optimizer.schedule=stable"])
    assert recipe.optimizer.schedule == "stable"


def test_only_mnemosyne_has_parts_to_leave_out():
    overrides = ["optimizer.name=lion", "optimizer.without=memory"]
    with pytest.raises(ValueError, match="of mnemosyne out, lion has none; received memory"):
        loader.load_recipe("bert_tiny_adamw", overrides)
    recipe = loader.load_recipe("bert_tiny_mnemosyne", overrides[1:])
    assert recipe.optimizer.without == "memory"


@pytest.mark.parametrize("name", ["adafactor", "sgd"])
def test_beta_2_is_refused_where_there_is_none(name):
    overrides = [f"optimizer.name={name}", "optimizer.beta_2=0.9"]
    with pytest.raises(ValueError, match=f"optimizer.beta_2 does nothing for {name}.*0.9"):
        loader.load_recipe("bert_tiny_adamw", overrides)
    assert loader.load_recipe("bert_tiny_adamw", overrides[:1]).optimizer.beta_2 is None


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
