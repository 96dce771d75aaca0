"""The estimate on a system whose gradient is known."""

import numpy as np
import pytest

from pipeline.lab.meta_training.pes import estimator

DECAY, THETA, STEPS, SIGMA = 0.9, 0.7, 6, 0.1
BATCHES, PAIRS = 200, 500
# s_t = DECAY s_{t-1} + theta from s_0 = 0, so s_t = theta c_t; the losses are s_t^2.
REACH = np.array([sum(DECAY**i for i in range(t)) for t in range(1, STEPS + 1)])
GRADIENT = float((2 * THETA * REACH**2).sum())


def estimates(perturbations):
    """One estimate a batch of pairs: the sum over truncations of one step each, `[BATCHES]`.

    Args:
        perturbations: yields of every step what moves the particles and what the difference is
            assigned to, `[PAIRS, 1]`.
    """
    rng = np.random.default_rng(0)
    found = []
    for _ in range(BATCHES):
        plus, minus, total = np.zeros(PAIRS), np.zeros(PAIRS), 0.0
        for drawn, sums in perturbations(rng):
            plus = DECAY * plus + THETA + drawn[:, 0]
            minus = DECAY * minus + THETA - drawn[:, 0]
            total += float(estimator.gradient(sums, plus**2, minus**2, sigma=SIGMA)[0])
        found.append(total)
    return np.array(found)


def drawn_once(rng):
    return SIGMA * rng.standard_normal([PAIRS, 1])


def persistent(rng):
    sums = np.zeros([PAIRS, 1])
    for _ in range(STEPS):
        drawn = drawn_once(rng)
        sums = sums + drawn
        yield drawn, sums


def kept_for_the_run(rng):
    drawn = drawn_once(rng)
    return [(drawn, drawn)] * STEPS


def greedy(rng):
    return [(drawn, drawn) for drawn in (drawn_once(rng) for _ in range(STEPS))]


@pytest.mark.parametrize("perturbations", [persistent, kept_for_the_run])
def test_sum_of_all_perturbations_gives_the_gradient_of_the_whole_run(perturbations):
    found = estimates(perturbations)
    # The loss is quadratic, so perturbed evenly its expectation has the gradient itself; what is
    # left is noise, whose deviation the batches themselves tell: four of them.
    assert found.mean() == pytest.approx(GRADIENT, abs=4 * found.std() / BATCHES**0.5)


def test_last_perturbation_alone_gives_the_greedy_gradient():
    found = estimates(greedy)
    bound = 4 * found.std() / BATCHES**0.5
    assert found.mean() == pytest.approx(float((2 * THETA * REACH).sum()), abs=bound)
    assert GRADIENT - found.mean() > 10 * bound


def test_pairs_of_equal_losses_say_nothing():
    losses = np.array([3.0, 1.0])
    assert not estimator.gradient(np.ones([2, 3]), losses, losses, sigma=0.1).any()
