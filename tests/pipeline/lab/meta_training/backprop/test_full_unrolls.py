import numpy as np
import pytest

from pipeline.lab.meta_training.backprop import full_unrolls
from pipeline.lab.meta_training.backprop.full_unrolls import FullUnrolls, score


def curve(second_half):
    """Losses of a run; the first half does not count."""
    return np.array([99.0] * 4 + [second_half] * 4)


def test_good_poor_unmoved_and_exploded_runs_have_different_scores():
    good, poor, still, exploded = (score(curve(loss)) for loss in (0.15, 0.9, 2.3, 1e30))
    assert [good, poor, still] == pytest.approx(np.log([0.2, 0.95, 2.35]))
    assert exploded == 3.0 and score(curve(np.nan)) == score(curve(np.inf)) == 3.0


def test_one_evaluation_that_is_not_a_number_counts_as_exploded():
    losses = curve(0.95)
    losses[5] = np.nan
    assert score(losses) == pytest.approx(3.0 / 4)


class FakeRun:
    """Losses that are the seed's number; members are counted."""

    seeds = []

    def __init__(self, task, optimizer):
        self.task = task

    def __call__(self, values, seed):
        FakeRun.seeds.append(seed)
        return np.stack([curve(2.0 if seed == FakeRun.seeds[0] else 1.0)])


class FakeTask:
    name = "digits"


def test_a_set_is_scored_by_the_mean_over_the_same_two_seeds(monkeypatch):
    monkeypatch.setattr(full_unrolls, "InnerRun", FakeRun)
    monkeypatch.setattr(FakeRun, "seeds", [])
    runs = FullUnrolls([FakeTask], optimizer=None, seed=0)
    scores = [runs.scores({"a": np.zeros(2)}) for _ in range(2)]
    first, second, *again = FakeRun.seeds
    assert first != second and again == [first, second]
    expected = {"digits": pytest.approx(np.log([2.05, 1.05]).mean())}
    assert scores == [expected, expected]
