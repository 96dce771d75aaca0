"""Settings are checked, and say how many steps they mean."""

import pytest

from pipeline.glue.settings import FineTuningSettings, GlueSettings
from pipeline.glue.tasks import TASKS


@pytest.mark.parametrize(
    ("num_examples", "epochs", "steps"),
    [(3200, 3, 300), (3668, 3, 343), (3668, 0.5, 57), (10, 1, 1)],
)
def test_steps_are_whole_batches_over_all_epochs(num_examples, epochs, steps):
    settings = FineTuningSettings(num_train_epochs=epochs, batch_size=32)
    assert settings.num_train_steps(num_examples) == steps


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("batch_size", 0, "--batch_size: expected more than 0, received 0"),
        ("learning_rate", -1.0, "--learning_rate: expected more than 0, received -1.0"),
        ("learning_rate", float("nan"), "--learning_rate: expected more than 0, received nan"),
        ("num_train_epochs", 0.0, "--num_train_epochs: expected more than 0"),
        ("max_seq_length", -5, "--max_seq_length: expected more than 0"),
        ("seed", -1, "--seed: expected 0 or more, received -1"),
        ("dropout", 1.0, "--dropout: expected 0 to below 1, received 1.0"),
        ("max_train_examples", -1, "--max_train_examples: expected 0 or more"),
        ("weight_decay", -0.1, "--weight_decay: expected 0 or more"),
        ("warmup_fraction", 1.5, "--warmup_fraction: expected 0 to 1, received 1.5"),
        ("optimizer", "lion", "--learning_rate: expected one with --optimizer lion"),
        ("optimizer", "adam", "--optimizer: expected one of mnemosyne, adamw, .*; received adam"),
    ],
)
def test_a_value_out_of_range_names_its_flag(name, value, message):
    with pytest.raises(ValueError, match=message):
        FineTuningSettings(**{name: value})


@pytest.mark.parametrize(("optimizer", "rate"), [("adamw", 1e-4), ("mnemosyne", 1.0)])
def test_a_rate_that_is_not_given_is_the_optimizers_own(optimizer, rate):
    assert FineTuningSettings(optimizer=optimizer).learning_rate == rate
    assert FineTuningSettings(optimizer=optimizer, learning_rate=0.5).learning_rate == 0.5


@pytest.mark.parametrize(
    ("num_examples", "epochs", "ends"),
    [
        (96, 3, {3: 1, 6: 2, 9: 3}),
        # Epochs end after 3.1 and 6.3 batches; of the last 9 whole batches are trained on.
        (100, 3, {3: 1, 6: 2, 9: 3}),
        (96, 1.5, {3: 1, 4: 2}),
        (96, 0.5, {1: 1}),
        # A batch holds more than one epoch.
        (10, 3, {1: 4}),
    ],
)
def test_epochs_end_at_the_nearest_step_and_with_the_last(num_examples, epochs, ends):
    settings = FineTuningSettings(num_train_epochs=epochs, batch_size=32)
    assert settings.epoch_ends(num_examples) == ends


def test_a_task_gives_its_epochs_where_none_are_given():
    by_name = {task.name: task for task in TASKS}
    assert FineTuningSettings().of_task(by_name["RTE"]).num_train_epochs == 5
    assert FineTuningSettings().of_task(by_name["QQP"]).num_train_epochs == 3
    given = FineTuningSettings(num_train_epochs=0.5)
    assert given.of_task(by_name["RTE"]) == given


def test_seeds_count_up_from_the_first():
    assert list(GlueSettings(seed=7, seeds=3).all_seeds) == [7, 8, 9]


def test_what_may_change_between_two_calls_is_not_compared():
    fixed = GlueSettings().fixed()
    assert not {"tasks", "seeds", "keep_models"} & set(fixed)
    assert {"seed", "choose", "from_mnli", "learning_rate"} <= set(fixed)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"seeds": 0}, "--seeds: expected 1 or more, received 0"),
        ({"choose": "first"}, "--choose: expected one of last, best; received first"),
        (
            {"keep_models": "all"},
            "--keep_models: expected one of best, each_seed, none; received all",
        ),
        ({"from_mnli": True, "keep_models": "none"}, "--from_mnli: expected --keep_models best"),
    ],
)
def test_a_choice_out_of_range_names_its_flag(values, message):
    with pytest.raises(ValueError, match=message):
        GlueSettings(**values)
