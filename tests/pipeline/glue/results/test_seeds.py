"""Means, deviations and medians over seeds, worked out by hand."""

import pytest

from pipeline.glue.results.seeds import deviation, task_rows


def run(task, seed, f1, accuracy, **more):
    metrics = {"f1": f1, "accuracy": accuracy}
    return {"task": task, "seed": seed, "metrics": metrics, "score": (f1 + accuracy) / 2, **more}


def test_a_row_has_mean_deviation_and_median_of_its_runs():
    [row] = task_rows([run("MRPC", s, f1, 0.7) for s, f1 in ((0, 0.7), (1, 0.8), (2, 0.9))])
    assert row["metrics"] == {"f1": pytest.approx(0.8), "accuracy": pytest.approx(0.7)}
    assert row["score"] == pytest.approx(0.75)
    assert row["median"] == pytest.approx(0.75)
    # Scores 0.70, 0.75, 0.80: squares 0.0025 + 0 + 0.0025, divided by two.
    assert row["deviation"] == pytest.approx(0.05)
    assert row["metric_deviations"]["f1"] == pytest.approx(0.1)
    assert row["metric_deviations"]["accuracy"] == pytest.approx(0.0)
    assert row["seeds"] == [0, 1, 2]
    assert row["scores"] == pytest.approx([0.7, 0.75, 0.8])


def test_one_run_has_no_deviation():
    [row] = task_rows([run("MRPC", 0, 0.7, 0.8)])
    assert row["deviation"] is None and row["metric_deviations"]["f1"] is None
    assert row["score"] == row["median"] == pytest.approx(0.75)
    assert deviation([]) is None


def test_the_score_of_the_mean_metrics_is_the_mean_of_the_scores():
    [row] = task_rows([run("MRPC", s, f1, a) for s, f1, a in ((0, 0.3, 0.9), (1, 0.8, 0.1))])
    assert row["score"] == pytest.approx(sum(row["metrics"].values()) / 2)


def test_tasks_keep_their_order_and_their_runs():
    rows = task_rows([run("RTE", 0, 0.1, 0.1), run("MRPC", 0, 0.2, 0.2), run("RTE", 1, 0.3, 0.3)])
    assert [(row["task"], row["seeds"]) for row in rows] == [("RTE", [0, 1]), ("MRPC", [0])]


def test_where_a_run_started_is_in_its_row():
    runs = [run("RTE", s, 0.1, 0.1, started_from="MNLI, seed 2") for s in (0, 1)]
    assert task_rows(runs)[0]["started_from"] == "MNLI, seed 2"
    assert "started_from" not in task_rows([run("RTE", 0, 0.1, 0.1)])[0]
