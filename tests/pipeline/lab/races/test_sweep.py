import pytest

from pipeline.lab.races import sweep as race_sweep
from pipeline.lab.races.contestants import Contestant
from pipeline.lab.races.runs_file import Curve
from pipeline.lab.races.tasks.task import Task

TASK = Task("t", None, None, 64, 10, 1)
SWEPT = Contestant("adamw", "adamw", (1.0, 2.0, 4.0))
UNTUNED = Contestant("mnemosyne")


@pytest.fixture
def sweep(monkeypatch):
    """Returns `sweep(best, **seeds)`: curves by rate, lowest at `best`, and the bar's total."""

    def go(best, seeds=3, sweep_seeds=1, contestant=SWEPT):
        class Runs:
            def __init__(self, *_):
                pass

            def curve(self, run, show):
                curve = Curve([10], [1.0], [1.0], [abs(run.learning_rate - best)], [0.5])
                show(curve)
                return curve

        monkeypatch.setattr(race_sweep, "Runs", Runs)
        sweep = race_sweep.Sweep("", seeds=seeds, sweep_seeds=sweep_seeds)
        sweep.announce(TASK, [contestant])
        found = sweep.run(TASK, None, [contestant])[contestant.name]
        assert sweep._bar.n == sweep._bar.total  # every step announced was taken
        sweep.close()
        return {rate: len(curves) for rate, curves in found.items()}

    return go


def test_the_best_rate_is_run_from_all_seeds_and_the_others_from_few(sweep):
    assert sweep(best=2.0) == {1.0: 1, 2.0: 3, 4.0: 1}
    assert sweep(best=2.0, sweep_seeds=2) == {1.0: 2, 2.0: 3, 4.0: 2}


def test_as_many_sweep_seeds_as_seeds_at_most(sweep):
    assert sweep(best=2.0, seeds=1, sweep_seeds=3) == {1.0: 1, 2.0: 1, 4.0: 1}


def test_a_best_rate_at_an_end_extends_the_sweep_until_it_lies_inside(sweep):
    assert sweep(best=8.0) == {1.0: 1, 2.0: 1, 4.0: 1, 8.0: 3, 16.0: 1}
    assert sweep(best=0.5) == {1.0: 1, 2.0: 1, 4.0: 1, 0.5: 3, 0.25: 1}


def test_a_sweep_ends(sweep):
    assert sorted(sweep(best=1e6)) == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]


def test_what_has_one_rate_is_not_swept(sweep):
    assert sweep(best=1e6, contestant=UNTUNED) == {1.0: 3}
