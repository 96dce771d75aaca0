"""The table of optimizers is complete, consistent and light."""

import inspect
import subprocess
import sys

import pytest

from pipeline.optimizers import table
from pipeline.recipes.sections import OPTIMIZERS


def test_recipes_can_name_every_row_and_nothing_else():
    assert (
        *("mnemosyne", "adamw", "nadamw", "lamb", "lion", "muon", "normuon", "muon_squared"),
        *("schedule_free_adamw", "adafactor", "sgd", "adafactor_fixed"),
    ) == OPTIMIZERS
    assert [row.name for row in table.OPTIMIZER_TABLE.values()] == list(OPTIMIZERS)


@pytest.mark.parametrize("row", table.OPTIMIZER_TABLE.values(), ids=lambda row: row.name)
def test_class_takes_the_settings_of_its_row(row):
    arguments = inspect.signature(row.load()).parameters
    assert set(row.settings) <= set(arguments)
    assert row.has_beta_2 == ("beta_2" in arguments)


@pytest.mark.parametrize(
    "row", (*table.HAND_DESIGNED, *table.FOR_PROMPTS), ids=lambda row: row.name
)
def test_sweep_rates_are_six_that_double(row):
    ratios = [high / low for low, high in zip(row.sweep_rates, row.sweep_rates[1:], strict=False)]
    assert len(row.sweep_rates) == 6
    # Rates have two digits: 1.2e-4 to 2.5e-4 is the widest step, 6.4e-2 to 1.3e-1 the next.
    assert ratios == [pytest.approx(2.0, abs=0.1)] * 5


def test_mnemosyne_has_no_rate_to_tune():
    assert table.MNEMOSYNE.sweep_rates == (1.0,)


def test_display_name_of_a_row_and_of_an_unknown_optimizer():
    assert table.display_name("schedule_free_adamw") == "Schedule-Free AdamW"
    assert table.display_name("nominal") == "nominal"


def test_the_table_is_read_without_tensorflow():
    program = "import sys, pipeline.recipes.sections; print('tensorflow' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
