"""The official metrics of the GLUE tasks: labels and predictions to figures.

Every figure is a fraction: 1.0 is perfect, and tables multiply by 100. Where a figure is not
defined (one answer for every example) it is 0, what guessing scores, and never NaN.

Source: scikit-learn and SciPy, as in the evaluation of the benchmark.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from scipy import stats
from sklearn import metrics as sklearn_metrics

from pipeline.glue.task import metric_name


def _f1(labels: np.ndarray, predictions: np.ndarray) -> float:
    """F1 of class 1; 0 when neither labels nor predictions hold it."""
    return sklearn_metrics.f1_score(labels, predictions, zero_division=0)


def _macro_f1(labels: np.ndarray, predictions: np.ndarray) -> float:
    """The unweighted mean of every class's F1; 0 for a class that is neither right nor wrong."""
    return sklearn_metrics.f1_score(labels, predictions, average="macro", zero_division=0)


def _matthews(labels: np.ndarray, predictions: np.ndarray) -> float:
    """Matthews' correlation, for more than two classes R_K; 0 for constant labels or answers."""
    if np.ptp(np.concatenate([labels, predictions])) == 0:
        return 0.0  # what scikit-learn returns, after a warning
    return sklearn_metrics.matthews_corrcoef(labels, predictions)


def _pearson(labels: np.ndarray, predictions: np.ndarray) -> float:
    return _correlation(stats.pearsonr, labels, predictions)


def _spearman(labels: np.ndarray, predictions: np.ndarray) -> float:
    return _correlation(stats.spearmanr, labels, predictions)


def _correlation(function: Callable, labels: np.ndarray, predictions: np.ndarray) -> float:
    """Differs: 0 for constant input, where SciPy warns and returns NaN.

    A model that gives every example the same score has learned nothing, and a NaN
    would make the average over all tasks NaN.
    """
    if np.ptp(labels) == 0 or np.ptp(predictions) == 0:
        return 0.0
    with warnings.catch_warnings():
        # Scores that hardly differ: the figure counts, to the digits that they have.
        warnings.simplefilter("ignore", stats.NearConstantInputWarning)
        return function(labels, predictions).statistic


METRICS: Mapping[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "accuracy": sklearn_metrics.accuracy_score,
    "f1": _f1,
    "macro_f1": _macro_f1,
    "matthews": _matthews,
    "pearson": _pearson,
    "spearman": _spearman,
}


def compute_metrics(
    names: Sequence[str], labels: np.ndarray, predictions: np.ndarray
) -> dict[str, float]:
    """Computes the named metrics.

    Args:
      names: Keys of `METRICS`.
      labels: `[num_examples]`, classes or scores.
      predictions: `[num_examples]`, of the same kind.

    Returns:
      Name -> figure, in [0, 1] or [-1, 1], in the order of `names`.

    Raises:
      ValueError: If the two arrays differ in shape or are empty.
      FloatingPointError: If a prediction is not finite: no metric means anything then.
    """
    if labels.shape != predictions.shape or labels.size == 0:
        raise ValueError(
            f"expected as many predictions as labels and at least one, received shapes "
            f"{list(predictions.shape)} and {list(labels.shape)}"
        )
    if not np.isfinite(predictions).all():
        raise FloatingPointError(
            f"expected finite predictions, received {predictions[~np.isfinite(predictions)][0]}"
        )
    return {name: float(METRICS[name](labels, predictions)) for name in names}


def task_score(metrics: Mapping[str, float]) -> float:
    """The score of a task: the unweighted mean of its metrics."""
    return sum(metrics.values()) / len(metrics)


def score_dev_sets(
    names: Sequence[str],
    suffixes: Sequence[str],
    labels: Sequence[np.ndarray],
    predictions: Sequence[np.ndarray],
) -> dict[str, float]:
    """The metrics of each dev set: "accuracy" of one, "accuracy_m" and "accuracy_mm" of MNLI's.

    Args:
      names: Keys of `METRICS`.
      suffixes: One per dev set, see `GlueTask.suffixes`.
      labels: One array per dev set.
      predictions: The same.
    """
    found = {}
    for suffix, *pair in zip(suffixes, labels, predictions, strict=True):
        for name, value in compute_metrics(names, *pair).items():
            found[metric_name(name, suffix)] = value
    return found
