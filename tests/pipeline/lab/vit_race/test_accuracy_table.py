import math

import pytest

from pipeline.lab.races.runs_file import Curve
from pipeline.lab.vit_race import accuracy_table as table


def curve(*accuracies, loss=1.0):
    steps = [10 * (i + 1) for i in range(len(accuracies))]
    return Curve(steps, steps, [2.0 * each for each in steps], [loss] * len(steps), [*accuracies])


def test_the_time_to_an_accuracy_is_interpolated():
    # From 0.5 at step 10 to 0.9 at step 20, 0.7 is half of the way; CPU seconds are twice that.
    assert table.first_reach(curve(0.5, 0.9), 0.7) == table.Reach(
        pytest.approx(15), pytest.approx(30)
    )
    assert table.first_reach(curve(0.5, 0.9), 0.4) == table.Reach(10, 20)
    assert table.first_reach(curve(0.5, 0.9), 0.95).steps == math.inf


def test_the_table_says_never_and_end_of_the_sweep():
    curves = {
        "mnemosyne": {1.0: [curve(0.5, 0.6)]},
        "adamw": {1.0: [curve(0.5, 0.9)], 2.0: [curve(0.5, 0.7)]},
    }
    found = table.results(curves, ("adamw", "sgd"))
    assert found[1].learning_rate == 1.0 and [*found[0].to_accuracy] == ["adamw"]
    rows = table.to_markdown(found).splitlines()
    cells = [[each.strip() for each in row.strip("|").split("|")] for row in (rows[2], rows[3])]
    assert cells[0] == ["mnemosyne", "none to set", "60.00", "1.000", "40", "never", "never"]
    assert cells[1] == ["adamw", "1 (end of the sweep)", "90.00", "1.000", "40", "20", "40"]
