import numpy as np
import pytest

from pipeline.lab.meta_training.backprop import full_unrolls
from pipeline.lab.meta_training.backprop.full_unrolls import WholeRuns, score


def curve(second_half):
    """Losses of a run; nobody looks at its first half."""
    return np.array([99.0] * 4 + [second_half] * 4)


def test_good_poor_still_and_exploded_runs_are_told_apart():
    good, poor, still, exploded = (score(curve(loss)) for loss in (0.15, 0.9, 2.3, 1e30))
    assert [good, poor, still] == pytest.approx(np.log([0.2, 0.95, 2.35]))
    assert exploded == 3.0 and score(curve(np.nan)) == score(curve(np.inf)) == 3.0


def test_one_look_that_is_no_number_is_not_forgiven():
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


def test_a_set_is_judged_by_the_mean_over_two_seeds_always_the_same(monkeypatch):
    monkeypatch.setattr(full_unrolls, "InnerRun", FakeRun)
    monkeypatch.setattr(FakeRun, "seeds", [])
    runs = WholeRuns([FakeTask], optimizer=None, seed=0)
    scores = [runs.scores({"a": np.zeros(2)}) for _ in range(2)]
    first, second, *again = FakeRun.seeds
    assert first != second and again == [first, second]
    expected = {"digits": pytest.approx(np.log([2.05, 1.05]).mean())}
    assert scores == [expected, expected]
