import pytest

from pipeline.commands import recipe as show_recipe
from pipeline.recipes import loader


def test_flags_carry_googles_names_and_plain_values():
    recipe = loader.load_recipe("bert_tiny_sample", ["prepare.max_seq_length=48"])
    flags = show_recipe.stage_flags(recipe, "prepare")
    assert flags[flags.index("--max_seq_length") + 1] == "48"
    assert flags[flags.index("--do_whole_word_mask") + 1] == "false"


def test_an_empty_setting_is_no_flag():
    assert "--bins" not in show_recipe.stage_flags(loader.Recipe(), "prepare")
    recipe = loader.load_recipe("bert_tiny_sample", ["prepare.bins=32,64"])
    flags = show_recipe.stage_flags(recipe, "prepare")
    assert flags[flags.index("--bins") + 1] == "32,64"


def test_sample_tasks_hold_out_what_prepare_holds_out():
    recipe = loader.Recipe()
    assert show_recipe.stage_flags(recipe, "sample-tasks") == [
        "--heldout_fraction",
        "0.02",
        "--random_seed",
        "12345",
    ]


@pytest.mark.parametrize("stage", ["vocab", "prepare", "sample-tasks", "glue"])
def test_every_flag_is_known_to_its_command(stage):
    from data_prep import create_pretraining_data, learn_vocab, sample_glue_tasks
    from pipeline.glue import finetune
    from pipeline.glue.settings import FineTuningSettings

    parser = {
        "vocab": learn_vocab,
        "prepare": create_pretraining_data,
        "sample-tasks": sample_glue_tasks,
        "glue": finetune,
    }[stage].build_parser()
    flags = show_recipe.stage_flags(loader.Recipe(), stage)
    known = parser._option_string_actions
    assert set(flags[::2]) <= set(known)
    # Without a recipe the command does what a recipe of defaults does.
    for flag, value in zip(flags[::2], flags[1::2], strict=True):
        default = known[flag].default
        if default is None and flag == "--learning_rate":  # depends on --optimizer
            default = FineTuningSettings().learning_rate
        same = str(default).lower() == value or default == float(value)
        assert known[flag].required or same, flag


def test_without_a_name_the_recipes_are_listed(capsys):
    assert show_recipe.main([]) == 0
    assert "bert_tiny_sample" in capsys.readouterr().out.splitlines()


def test_recipe_is_printed_resolved(capsys):
    assert show_recipe.main(["bert_tiny_sample", "--set", "train.random_seed=3"]) == 0
    assert "random_seed: 3" in capsys.readouterr().out
