"""Metrics of tables worked out by hand."""

import numpy as np
import pytest

from pipeline.glue.metrics import compute_metrics, task_score

# 4 true positives, 1 false negative, 2 false positives, 3 true negatives.
LABELS = np.array([1, 1, 1, 1, 1, 0, 0, 0, 0, 0])
PREDICTIONS = np.array([1, 1, 1, 1, 0, 1, 1, 0, 0, 0])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("accuracy", 7 / 10),
        # 2 tp / (2 tp + fp + fn) = 8 / 11.
        ("f1", 8 / 11),
        # (tp tn - fp fn) / sqrt(6 * 5 * 5 * 4) = (12 - 2) / sqrt(600).
        ("matthews", 0.40824829),
    ],
)
def test_metric_of_a_known_confusion_table(name, value):
    assert compute_metrics([name], LABELS, PREDICTIONS) == {name: pytest.approx(value)}


def test_f1_counts_class_1():
    assert compute_metrics(["f1"], 1 - LABELS, 1 - PREDICTIONS)["f1"] == pytest.approx(6 / 9)


def test_correlations_of_four_scores():
    labels = np.array([1.0, 2.0, 3.0, 4.0])
    predictions = np.array([1.0, 2.0, 4.0, 3.0])
    # Covariance sum 4.0, both square sums 5.0; ranks are the same as the values.
    assert compute_metrics(["pearson", "spearman"], labels, predictions) == {
        "pearson": pytest.approx(0.8),
        "spearman": pytest.approx(0.8),
    }


def test_spearman_sees_only_the_order():
    labels = np.array([0.0, 1.0, 2.0, 5.0])
    predictions = np.array([0.1, 0.2, 0.3, 0.4])
    both = compute_metrics(["pearson", "spearman"], labels, predictions)
    assert both["spearman"] == pytest.approx(1.0)
    # Deviations -2,-1,0,3 and -1.5,-.5,.5,1.5: 8 / sqrt(14 * 5).
    assert both["pearson"] == pytest.approx(0.9561829)


@pytest.mark.parametrize("name", ["pearson", "spearman", "matthews", "f1"])
def test_a_constant_answer_scores_zero(name):
    labels = np.array([0.0, 1.0, 1.0])
    assert compute_metrics([name], labels, np.zeros(3)) == {name: 0.0}


def test_score_is_the_mean_of_the_metrics():
    assert task_score({"f1": 0.8, "accuracy": 0.7}) == pytest.approx(0.75)


def test_different_lengths_are_an_error():
    with pytest.raises(ValueError, match=r"shapes \[2\] and \[3\]"):
        compute_metrics(["accuracy"], np.zeros(3), np.zeros(2))
