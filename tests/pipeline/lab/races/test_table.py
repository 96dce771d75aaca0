import math

import pytest

from pipeline.lab.races import table
from pipeline.lab.races.runs_file import Curve

STEPS = [10, 20, 30]


def accurate(accuracy, loss=1.0):
    return Curve([10], [1.0], [1.0], [loss], [accuracy])


def curve(*losses, seconds=(1.0, 2.0, 3.0), accuracy=0.5):
    return Curve(STEPS, list(seconds), [0.5, 1.0, 1.5], list(losses), [accuracy] * 3)


def test_steps_to_a_loss_lie_between_evaluations():
    assert table.first_reach(curve(4.0, 2.0, 1.0), 3.0) == (15.0, 1.5, 0.75)


def test_steps_to_a_loss_count_to_the_first_time_it_was_reached():
    assert table.first_reach(curve(4.0, 1.0, 3.0), 1.0) == (20.0, 2.0, 1.0)


def test_a_loss_reached_before_the_first_evaluation_counts_as_reached_there():
    assert table.first_reach(curve(1.0, 0.5, 0.4), 3.0) == (10, 1.0, 0.5)


def test_a_loss_never_reached_is_infinitely_far():
    assert table.first_reach(curve(4.0, 2.0, 1.5), 1.0) == (math.inf,) * 3


def test_the_best_rate_has_the_lowest_mean_over_seeds_and_never_diverged():
    by_rate = {
        0.1: [curve(3, 3, 1.0), curve(3, 3, 3.0)],
        0.2: [curve(3, 3, 1.8), curve(3, 3, 1.9)],
        0.4: [curve(3, 3, 0.1), curve(3, 3, math.nan)],
    }
    assert table.best_rate(by_rate) == 0.2


def test_rates_are_compared_over_the_seeds_that_all_have():
    by_rate = {0.1: [curve(3, 3, 1.0)], 0.2: [curve(3, 3, 0.9), curve(3, 3, 8.0)]}
    assert table.best_rate(by_rate) == 0.2


def test_the_most_accurate_rate_is_that_of_the_highest_accuracy_then_of_the_lowest_loss():
    by_rate = {1.0: [accurate(0.8)], 2.0: [accurate(0.9, loss=0.5)], 4.0: [accurate(0.9, loss=0.4)]}
    assert table.most_accurate_rate(by_rate) == 4.0


def test_a_run_that_diverged_is_never_the_most_accurate():
    by_rate = {1.0: [accurate(0.1)], 2.0: [accurate(0.9, loss=math.nan)]}
    assert table.most_accurate_rate(by_rate) == 1.0


def test_accuracies_are_compared_over_the_seeds_that_all_have():
    by_rate = {1.0: [accurate(0.8), accurate(0.0)], 2.0: [accurate(0.7)]}
    assert table.most_accurate_rate(by_rate) == 1.0


@pytest.fixture
def results():
    adamw = {0.1: [curve(5, 4, 3)], 0.2: [curve(4, 3, 2)], 0.4: [curve(9, 9, 9)]}
    ours = {1.0: [curve(3, 2, 1.5, seconds=(2.0, 4.0, 6.0)), curve(3, 2, 0.5)]}
    sgd = {1.0: [curve(5, 4, 3)], 2.0: [curve(5, 5, 5)]}
    return table.results({"adamw": adamw, "mnemosyne": ours, "sgd": sgd})


def test_results_are_in_the_order_of_the_final_loss(results):
    assert [each.optimizer for each in results] == ["mnemosyne", "adamw", "sgd"]


def test_times_are_fractions_of_those_of_the_best_adamw(results):
    fractions = [
        (each.steps_to_pace, each.seconds_to_pace, each.cpu_seconds_to_pace) for each in results
    ]
    # Ours was at 2 after 20 steps and, on average, 3 of AdamW's 3 seconds.
    two_thirds = pytest.approx(2 / 3)
    assert fractions == [(two_thirds, 1.0, two_thirds), (1.0,) * 3, (math.inf,) * 3]


def test_a_best_rate_at_an_end_of_the_sweep_is_pointed_out(results):
    assert [each.is_at_end for each in results] == [False, False, True]


def test_the_table_shows_mean_and_spread_and_what_never_happened(results):
    rows = [" ".join(row.split()) for row in table.to_markdown(results).splitlines()[2:]]
    assert rows == [
        "| mnemosyne | none to set | 1.0000 +- 0.7071 | 50.00 +- 0.00 | 0.67 | 1.00 | 0.67 |",
        "| adamw | 0.2 | 2.0000 | 50.00 | 1.00 | 1.00 | 1.00 |",
        "| sgd | 1 (end of the sweep) | 3.0000 | 50.00 | never | never | never |",
    ]


def test_without_adamw_nothing_is_timed():
    (only,) = table.results({"mnemosyne": {1.0: [curve(3, 2, 1)]}})
    assert (only.steps_to_pace, only.losses) == (math.inf, [1])
