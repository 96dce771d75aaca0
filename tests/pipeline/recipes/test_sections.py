"""The sections of a recipe: settings that go together, and those that are refused."""

import pytest

from pipeline.recipes import loader


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
