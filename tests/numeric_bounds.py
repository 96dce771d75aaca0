"""How far a rounded result may lie from the exact one, and a count from its expectation.

A bound of a test must hold on every CPU: the order of sums, the width of vectors and the number of
threads differ, so a figure read off one machine is no bound. Here bounds follow from the dtype, the
length of the longest sum, and the conditioning, which is measured in float64.
"""

from collections.abc import Callable

import numpy as np
from scipy import stats

# Chance that a correct program fails a statistical check, were its seed drawn anew.
FALSE_ALARM = 1e-6


def rounding(operations: int, dtype=np.float32) -> float:
    """Returns the relative error that so many roundings of `dtype` can add up to.

    A sum or a dot product of n terms in any order has n of them, relative to the sum of the
    magnitudes of its terms; a chain of n products, quotients or roots has n, relative to its value.

    Source: Higham, Accuracy and Stability of Numerical Algorithms, 2002, lemma 3.1 (gamma_n).
    """
    unit = float(np.finfo(dtype).eps) / 2
    return operations * unit / (1 - operations * unit)


def float32_error(function: Callable, *inputs: np.ndarray, operations: int) -> float:
    """Returns the largest absolute error of `function(*inputs)` computed in float32.

    The roundings of a product or a sum equal a change of the values that go into it, by at most
    `rounding(operations)` of themselves each. So the function is evaluated in float64 at inputs
    changed by exactly that, with signs drawn 16 times, and the largest change of the result counts;
    the last rounding is added. Real roundings are smaller than this worst case for each input.

    Args:
        function: takes and returns float64 arrays.
        inputs: what it is called with; all weights of a network, so that every layer has its own.
        operations: roundings of the longest single sum or chain between inputs and result.
    """
    inputs = [np.asarray(each, np.float64) for each in inputs]
    exact = function(*inputs)
    rng = np.random.default_rng(0)
    largest = 0.0
    for _ in range(16):
        signs = [rng.choice([-1.0, 1.0], each.shape) for each in inputs]
        changed = [x * (1 + rounding(operations) * s) for x, s in zip(inputs, signs, strict=True)]
        largest = max(largest, np.abs(function(*changed) - exact).max())
    return float(largest + rounding(operations) * np.abs(exact).max())


def chance(trials: int, probability: float, comparisons: int = 1) -> float:
    """Returns how far a fraction may lie from its probability by chance.

    Normal approximation of the binomial distribution, two-sided; the chance that any of so many
    fractions lies further off is at most `FALSE_ALARM` (for one: 4.9 standard deviations).
    """
    deviations = stats.norm.isf(FALSE_ALARM / 2 / comparisons)
    return float(deviations * np.sqrt(probability * (1 - probability) / trials))
