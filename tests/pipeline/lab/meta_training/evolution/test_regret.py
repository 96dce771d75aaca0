import numpy as np
import pytest
from numeric_bounds import rounding

from mnemosyne_tf.meta_params import MetaParams
from pipeline.lab.meta_training.evolution import regret
from pipeline.lab.meta_training.evolution.search_space import SearchSpace

# The nominal rate and what it is multiplied to are float32, all else is float64.
RTOL = rounding(3)
BASELINE = regret.Baseline(
    scores=[0.5, 0.2, float("nan"), 0.4], final_losses=[2.0] * 4, plateau=3.0, steps_per_second=1.0
)


def curves(*second_halves):
    """Losses of members: the first half is never looked at."""
    return np.array([[100.0] * 4 + [loss] * 4 for loss in second_halves])


def test_regret_is_the_score_less_the_best_swept_one():
    found = regret.regrets(curves(np.exp(0.2), np.exp(0.5)), BASELINE)
    np.testing.assert_allclose(found, [0.0, 0.3], atol=1e-12)


def test_a_run_that_exploded_has_the_largest_regret():
    found = regret.regrets(curves(np.nan, np.inf, 1e30), BASELINE)
    np.testing.assert_array_equal(found, [regret.MAX_REGRET] * 3)


def test_the_worst_task_counts_again():
    by_task = np.array([[0.0, 0.3], [0.2, 0.3], [1.0, 0.3]])
    np.testing.assert_allclose(regret.objective(by_task, 0.5), [0.4 + 0.5, 0.3 + 0.15])
    np.testing.assert_allclose(regret.objective(by_task, 0.0), [0.4, 0.3])


class FakeRun:
    """Losses that are the member's matrix rate, in thousandths; the calls are counted."""

    class task:
        num_steps, plateau = 8, 3.0

    def __init__(self):
        self.sizes = []

    def __call__(self, values, seed):
        self.sizes.append(len(values["rule/matrix_rate"]))
        return np.repeat(1e3 * values["rule/matrix_rate"][:, np.newaxis], 8, axis=1)


@pytest.fixture
def space():
    return SearchSpace(MetaParams.nominal(), ["rule/matrix_rate"])


def test_members_run_in_full_blocks(space):
    run = FakeRun()
    points = np.log([[1.0], [2.0], [3.0]])
    losses = regret.run_points(run, space, points, seed=0, at_once=2)
    np.testing.assert_allclose(losses[:, -1], [12.0, 24.0, 36.0], rtol=RTOL)
    assert run.sizes == [2, 2]


@pytest.mark.parametrize("at_once", [1, 3, 4])
def test_sweep_multiplies_the_nominal_rates(space, at_once):
    found = regret.sweep_nominal_rule(FakeRun(), space, seeds=[0, 1], at_once=at_once)
    np.testing.assert_allclose(found.final_losses, [3.0, 6.0, 12.0, 24.0], rtol=RTOL)
    np.testing.assert_allclose(found.scores, np.log([3.0, 6.0, 12.0, 24.0]), rtol=RTOL)
    assert found.best == 0 and found.plateau == 3.0
