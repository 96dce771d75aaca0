from pipeline.lab.prompt_race import score_table
from pipeline.lab.races.runs_file import Curve


def result(*scores, task="RTE", optimizer="adamw", length=10, rates=(0.1, 0.01), rate=0.1):
    curves = [Curve([5], [1.0], [4.0], [0.5], [score]) for score in scores]
    return score_table.result(
        "minilm", task, length, optimizer, rates=rates, learning_rate=rate, curves=curves
    )


def cells(table):
    rows = table.splitlines()
    return [[each.strip() for each in row.strip("|").split("|")] for row in [rows[0], *rows[2:]]]


def test_the_table_of_a_cell_has_rates_and_the_sample_deviation():
    found = [
        result(0.5, optimizer="mnemosyne", rates=(1.0,), rate=1.0),
        result(0.5, 0.6, 0.7),
        result(0.25, optimizer="adafactor_fixed 0.3", rates=(0.3,), rate=0.3),
    ]
    # Of 50, 60 and 70 the squared deviations are 100, 0 and 100: over two, 100.
    assert cells(score_table.cell_table(found))[1:] == [
        ["mnemosyne", "none to set", "50.0", "0.500", "4"],
        ["adamw", "0.1 (end of the sweep)", "60.0 +- 10.0", "0.500 +- 0.000", "4"],
        ["adafactor_fixed 0.3", "0.3", "25.0", "0.500", "4"],
    ]


def test_a_rate_inside_the_sweep_is_named_alone():
    assert result(0.5, rates=(0.1, 0.01, 1.0), rate=0.1).rate_in_words == "0.1"


def test_the_mean_over_tasks_has_the_spread_of_its_seeds():
    found = [result(0.5, 0.7), result(0.7, 0.5, task="STS-B"), result(0.1, 0.1, length=50)]
    found.append(result(0.3, 0.3, length=50, task="STS-B"))
    # 50 and 70, 70 and 50: a deviation of the root of 200 each, but no seed is better than another.
    assert cells(score_table.summary_table(found)) == [
        ["frozen model", "vectors", "optimizer", "RTE", "STS-B", "mean of tasks"],
        ["minilm", "10", "adamw", "60.0 +- 14.1", "60.0 +- 14.1", "60.0 +- 0.0"],
        ["minilm", "50", "adamw", "10.0 +- 0.0", "30.0 +- 0.0", "20.0 +- 0.0"],
    ]


def test_a_run_that_diverged_is_not_a_number_in_the_table():
    assert "| nan" in score_table.cell_table([result(0.5, float("nan"))])
