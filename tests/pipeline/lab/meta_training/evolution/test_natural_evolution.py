import numpy as np
import pytest

from pipeline.lab.meta_training.evolution.natural_evolution import Population, utilities

TARGET = np.array([1.5, -0.7, 0.2, -2.0])
CURVATURE = np.array([1.0, 10.0, 0.1, 3.0])


def searched(score, generations, members=8):
    population = Population.around_zero(len(TARGET), spread=0.5)
    for _ in range(generations):
        draws = population.draws(members, seed=3)
        points = population.members(draws)
        population = population.next(draws, np.array([score(point) for point in points]))
    return population


def quadratic(point):
    return float(np.sum(CURVATURE * (point - TARGET) ** 2))


def test_it_finds_the_minimum_of_a_quadratic():
    population = searched(quadratic, generations=150)
    np.testing.assert_allclose(population.mean, TARGET, atol=1e-2)
    assert np.all(population.deviation < 0.05)
    assert population.generation == 150


def test_only_the_order_of_the_scores_counts():
    plain = searched(quadratic, generations=10)
    bent = searched(lambda point: np.log(quadratic(point)) * 1e3 - 7, generations=10)
    np.testing.assert_array_equal(plain.mean, bent.mean)


def test_on_a_slope_it_goes_downhill_and_wider():
    population = searched(lambda point: point[0], generations=5)
    assert population.mean[0] < -0.5
    assert population.deviation[0] > 0.5


def test_draws_are_mirrored_and_differ_by_generation_alone():
    first = Population.around_zero(4, 1.0)
    draws = first.draws(6, seed=0)
    np.testing.assert_array_equal(draws[:3], -draws[3:])
    np.testing.assert_array_equal(draws, first.draws(6, seed=0))
    assert not np.allclose(draws, first.next(draws, np.arange(6.0)).draws(6, seed=0))


def test_utilities_of_four_members():
    # max(0, log 3 - log rank): 1.0986, 0.4055, 0, 0, over their sum, less a quarter.
    expected = [0.4804, 0.0196, -0.25, -0.25]
    half_a_digit = {"rtol": 0, "atol": 0.5e-4}  # of the four decimals above
    ordered, mixed = np.array([1.0, 2.0, 3.0, 4.0]), np.array([9.0, np.nan, -1.0, 2.0])
    np.testing.assert_allclose(utilities(ordered), expected, **half_a_digit)
    np.testing.assert_allclose(utilities(mixed), [-0.25, -0.25, *expected[:2]], **half_a_digit)


@pytest.mark.parametrize("scores", [[1.0, 1.0, 1.0, 1.0], [np.nan] * 4])
def test_equal_scores_move_nothing(scores):
    np.testing.assert_allclose(utilities(np.array(scores)), 0.0, atol=1e-12)
