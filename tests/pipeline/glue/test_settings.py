"""Settings are checked, and say how many steps they mean."""

import pytest

from pipeline.glue.settings import FineTuningSettings


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
