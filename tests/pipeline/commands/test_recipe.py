import pytest

from data_prep.settings import from_flags
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


def test_flags_of_sample_tasks_are_known_to_the_command():
    from data_prep import sample_glue_tasks

    flags = show_recipe.stage_flags(loader.Recipe(), "sample-tasks")
    required = ["--input=x", "--output=x"]
    parsed = sample_glue_tasks.build_parser().parse_args([*required, *flags])
    assert (parsed.heldout_fraction, parsed.random_seed) == (0.02, 12345)


@pytest.mark.parametrize(
    ("stage", "overrides"),
    [
        ("vocab", ["vocab.vocab_size=77", "vocab.text_field=body"]),
        ("prepare", ["prepare.dedup=exact", "prepare.bins=32,64", "prepare.sentences=given"]),
        ("glue", ["glue.num_train_epochs=2.5", "glue.optimizer=mnemosyne", "glue.tasks=RTE"]),
    ],
)
def test_a_command_reads_the_flags_back_as_the_section(stage, overrides):
    from data_prep import create_pretraining_data, learn_vocab
    from pipeline.commands import glue

    command = {"vocab": learn_vocab, "prepare": create_pretraining_data, "glue": glue}[stage]
    required = {
        "vocab": ["--input=x", "--output=x"],
        "prepare": ["--input=x", "--output=x", "--vocab_file=x"],
        "glue": ["--checkpoint=x", "--glue_dir=x", "--output=x"],
    }[stage]
    for recipe in (loader.Recipe(), loader.load_recipe("bert_tiny_sample", overrides)):
        section = getattr(recipe, stage)
        flags = command.build_parser().parse_args(
            [*required, *show_recipe.stage_flags(recipe, stage)]
        )
        assert from_flags(type(section), flags) == section
    # Without a recipe the command does what a recipe of defaults does.
    assert from_flags(type(section), command.build_parser().parse_args(required)) == getattr(
        loader.Recipe(), stage
    )


def test_recipe_is_printed_resolved(capsys):
    assert show_recipe.main(["bert_tiny_sample", "--set", "train.random_seed=3"]) == 0
    assert "random_seed: 3" in capsys.readouterr().out


def test_without_a_name_every_recipe_is_listed_with_what_it_trains(capsys):
    assert show_recipe.main([]) == 0
    text = capsys.readouterr().out
    assert len(text.split("\n\n")) == 6  # sizes, an empty line between two
    lines = [line for line in text.splitlines() if line.strip()]
    assert [line.split()[0] for line in lines] == loader.recipe_names()
    assert all("steps of" in line for line in lines)
