"""Which runs a comparison makes: every rate from few seeds, then the best rate from all of them.

Where the best rate stands at an end of its sweep, the sweep continues beyond that end.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Protocol

from tqdm import tqdm

from pipeline.lab.races import table
from pipeline.lab.races.contestants import MORE_RATES, Contestant, next_rate
from pipeline.lab.races.run import Run, Runs
from pipeline.lab.races.runs_file import Curve, RunsFile
from pipeline.lab.races.tasks.task import Arrays, Task


class HasSteps(Protocol):
    """What a sweep must know of a task, for its progress bar."""

    name: str
    num_train_steps: int


class MakesRuns(Protocol):
    """What makes the runs on a task, or reads finished ones; `Runs` does."""

    def curve(self, run: Run, on_evaluation: Callable[[Curve], None]) -> Curve:
        """Returns the course of a run; while it is made, each evaluation is reported."""


class Sweep:
    """Runs optimizers on tasks, or reads finished runs, with a progress bar of steps.

    Args:
        runs: file of finished runs, or the folder of one.
        seeds: runs at the best rate.
        sweep_seeds: runs at every other rate.
        best_rate: of rate -> curves; by default the one with the lowest mean final loss.

    Attributes:
        file: of finished runs.
    """

    def __init__(
        self,
        runs: str,
        *,
        seeds: int,
        sweep_seeds: int,
        best_rate: Callable[[table.Curves], float] = table.best_rate,
    ):
        self.file = RunsFile(runs)
        self._best_rate = best_rate
        self._seeds, self._sweep_seeds = seeds, min(seeds, sweep_seeds)
        self._bar = tqdm(file=sys.stderr, unit="step", total=0)

    def announce(self, task: HasSteps, contestants: Sequence[Contestant]) -> None:
        """Adds the runs to come to the length of the bar."""
        for contestant in contestants:
            others = len(contestant.rates) - 1
            runs = others * self._sweep_seeds + self._seeds
            self._bar.total += runs * task.num_train_steps

    def run(
        self,
        task: Task,
        data: tuple[Arrays, Arrays],
        contestants: Sequence[Contestant],
        plateau: float | None = None,
    ) -> dict[str, dict[float, list[Curve]]]:
        """Returns name of the contestant -> rate -> curves of the seeds."""
        return self.run_all(Runs(task, data, self.file, plateau), task, contestants)

    def run_all(
        self, runs: MakesRuns, task: HasSteps, contestants: Sequence[Contestant]
    ) -> dict[str, dict[float, list[Curve]]]:
        """As `run`, with runs that are not `model.fit` of a Keras model."""

        def curves(contestant: Contestant, rate: float, seeds: range) -> list[Curve]:
            return [self._one(runs, task, Run(contestant, rate, seed)) for seed in seeds]

        def sweep(contestant: Contestant) -> dict[float, list[Curve]]:
            first = range(self._sweep_seeds)
            by_rate = {rate: curves(contestant, rate, first) for rate in contestant.rates}
            if contestant.is_swept:
                for _ in range(MORE_RATES):
                    beyond = next_rate([*by_rate], self._best_rate(by_rate))
                    if beyond is None:
                        break
                    self._bar.total += self._sweep_seeds * task.num_train_steps
                    by_rate[beyond] = curves(contestant, beyond, first)
            best = self._best_rate(by_rate)
            by_rate[best] += curves(contestant, best, range(self._sweep_seeds, self._seeds))
            return by_rate

        return {contestant.name: sweep(contestant) for contestant in contestants}

    def close(self) -> None:
        """Ends the progress bar."""
        self._bar.close()

    def _one(self, runs: MakesRuns, task: HasSteps, run: Run) -> Curve:
        name = f"{task.name} {run.contestant.name} {run.learning_rate:g} #{run.seed}"
        self._bar.set_description(name)
        self._bar.set_postfix_str("")  # the loss of the run before
        shown = 0

        def show(curve: Curve) -> None:
            nonlocal shown
            self._bar.set_postfix_str(f"held-out loss {curve.losses[-1]:.3f}", refresh=False)
            self._bar.update(curve.steps[-1] - shown)
            shown = curve.steps[-1]

        curve = runs.curve(run, show)
        # A run that was read and not made says nothing about the time that is left.
        self._bar.total -= task.num_train_steps - shown
        self._bar.refresh()
        return curve
