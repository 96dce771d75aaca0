import pytest

from pipeline.glue.classifier_training import optimizer_config
from pipeline.optimizers.from_recipe import make_optimizer
from pipeline.prompts.settings import PromptSettings


def test_mnemosyne_has_nothing_to_set():
    settings = PromptSettings()
    assert (settings.optimizer, settings.learning_rate) == ("mnemosyne", 2.0)


def test_mnemosyne_moves_a_prompt_at_the_same_rate_regardless_of_the_width():
    optimizer = make_optimizer(optimizer_config(PromptSettings()), 100, 8)
    assert optimizer.get_config()["size_scaling"] is False
    assert PromptSettings(optimizer="adamw").without == ""


def test_adafactor_has_the_rate_of_the_prompt_tuning_paper():
    assert PromptSettings(optimizer="adafactor_fixed").learning_rate == 0.3


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"prompt_length": 0}, "--prompt_length: expected 1 or more, received 0"),
        ({"seeds": 0}, "--seeds: expected 1 or more"),
        ({"prompt_init": "zeros"}, "--prompt_init: expected one of vocabulary, classes, random"),
        ({"optimizer": "lamb"}, "--learning_rate: expected one with --optimizer lamb"),
        ({"batch_size": 0}, "--batch_size: expected more than 0"),
    ],
)
def test_bad_settings_are_refused(bad, message):
    with pytest.raises(ValueError, match=message):
        PromptSettings(**bad)


def test_more_seeds_and_tasks_continue_a_folder_and_another_length_does_not():
    settings = PromptSettings()
    assert settings.fixed() == PromptSettings(seeds=3, tasks="RTE").fixed()
    assert settings.fixed() != PromptSettings(prompt_length=50).fixed()
