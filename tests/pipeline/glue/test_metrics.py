"""Metrics of tables worked out by hand."""

import math

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sklearn_metrics

from pipeline.glue.metrics import METRICS, compute_metrics, score_dev_sets, task_score

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


OFFICIAL = {
    "accuracy": sklearn_metrics.accuracy_score,
    "f1": sklearn_metrics.f1_score,
    "matthews": sklearn_metrics.matthews_corrcoef,
    "macro_f1": lambda *pair: sklearn_metrics.f1_score(*pair, average="macro"),
    "pearson": lambda *pair: stats.pearsonr(*pair)[0],
    "spearman": lambda *pair: stats.spearmanr(*pair)[0],
}


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("seed", range(10))
def test_random_answers_score_what_the_official_functions_give(name, seed):
    rng = np.random.default_rng(seed)
    if name in ("pearson", "spearman"):
        pair = rng.uniform(0, 5, (2, 50)).round(1)  # with ties
    else:
        pair = rng.integers(0, 2 if name == "f1" else 3, (2, 50))
    assert compute_metrics([name], *pair) == {name: pytest.approx(OFFICIAL[name](*pair), abs=1e-12)}


CONSTANT, VARIED = np.ones(6, int), np.array([0, 1, 1, 0, 1, 0])
DEGENERATE = {
    "one answer for all": (VARIED, CONSTANT),
    "one label for all": (CONSTANT, VARIED),
    "one answer, another label": (CONSTANT, 0 * CONSTANT),
    "one example": (VARIED[:1], VARIED[:1]),
    "scores of one float": (VARIED, np.full(6, 2.718, np.float32)),
}


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("case", DEGENERATE)
def test_no_metric_is_ever_undefined(name, case):
    labels, predictions = DEGENERATE[case]
    if name not in ("pearson", "spearman"):
        predictions = predictions.astype(int)
        labels, predictions = labels % 2, predictions % 2
    value = compute_metrics([name], labels, predictions)[name]
    assert math.isfinite(value)
    if name in ("matthews", "pearson", "spearman"):
        assert value == 0.0


def test_f1_without_any_of_class_1_is_zero():
    nothing = np.zeros(4, int)
    assert compute_metrics(["f1"], nothing, nothing) == {"f1": 0.0}


def test_matthews_of_three_classes_is_r_k():
    # Gorodkin 2004: sqrt of nothing where all agree, 1.
    labels = np.array([0, 1, 2, 2])
    assert compute_metrics(["matthews"], labels, labels) == {"matthews": pytest.approx(1.0)}


def test_answers_that_are_not_finite_are_an_error_and_no_score():
    with pytest.raises(FloatingPointError, match="expected finite predictions, received nan"):
        compute_metrics(["pearson"], np.array([1.0, 2.0]), np.array([1.0, math.nan]))


def test_two_dev_sets_have_a_metric_each():
    right, wrong = np.array([1, 0]), np.array([0, 1])
    scores = score_dev_sets(["accuracy"], ["m", "mm"], [right, right], [right, wrong])
    assert scores == {"accuracy_m": 1.0, "accuracy_mm": 0.0}
    assert task_score(scores) == 0.5
