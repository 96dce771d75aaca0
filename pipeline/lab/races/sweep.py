"""Which runs a race makes: every rate from few seeds, then the best rate from all of them.

Where the best rate stands at an end of its sweep, the sweep goes on beyond that end.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pipeline.lab.races import table
from pipeline.lab.races.contestants import MORE_RATES, is_swept, next_rate, rates_of
from pipeline.lab.races.run import Curve, Run, Runs
from pipeline.lab.races.tasks import Arrays, Task


class Sweep:
    """Runs optimizers on tasks, or reads what ran before, with a progress bar of steps.

    Args:
        folder: of finished runs.
        seeds: runs at the best rate.
        sweep_seeds: runs at every other rate.
    """

    def __init__(self, folder: str, *, seeds: int, sweep_seeds: int):
        from tqdm import tqdm

        self._folder, self._seeds, self._sweep_seeds = folder, seeds, min(seeds, sweep_seeds)
        self._bar = tqdm(file=sys.stderr, unit="step", total=0)

    def announce(self, task: Task, optimizers: Sequence[str]) -> None:
        """Lets the bar know of runs to come."""
        for optimizer in optimizers:
            rates = len(rates_of(optimizer)) if is_swept(optimizer) else 0
            runs = (rates - 1) * self._sweep_seeds + self._seeds if rates else self._seeds
            self._bar.total += runs * task.num_train_steps

    def run(
        self, task: Task, data: tuple[Arrays, Arrays], optimizers: Sequence[str]
    ) -> dict[str, dict[float, list[Curve]]]:
        """Returns optimizer -> rate -> curves of the seeds."""
        runs = Runs(task, data, self._folder)

        def curves(optimizer: str, rate: float, seeds: range) -> list[Curve]:
            return [self._one(runs, task, Run(optimizer, rate, seed)) for seed in seeds]

        def sweep(optimizer: str) -> dict[float, list[Curve]]:
            first = range(self._sweep_seeds)
            by_rate = {rate: curves(optimizer, rate, first) for rate in rates_of(optimizer)}
            if is_swept(optimizer):
                for _ in range(MORE_RATES):
                    beyond = next_rate([*by_rate], table.best_rate(by_rate))
                    if beyond is None:
                        break
                    self._bar.total += self._sweep_seeds * task.num_train_steps
                    by_rate[beyond] = curves(optimizer, beyond, first)
            best = table.best_rate(by_rate)
            by_rate[best] += curves(optimizer, best, range(self._sweep_seeds, self._seeds))
            return by_rate

        return {optimizer: sweep(optimizer) for optimizer in optimizers}

    def close(self) -> None:
        """Ends the progress bar."""
        self._bar.close()

    def _one(self, runs: Runs, task: Task, run: Run) -> Curve:
        self._bar.set_description(f"{task.name} {run.optimizer} {run.learning_rate:g} #{run.seed}")
        self._bar.set_postfix_str("")  # the loss of the run before
        shown = 0

        def show(curve: Curve) -> None:
            nonlocal shown
            self._bar.set_postfix_str(f"held-out loss {curve.losses[-1]:.3f}", refresh=False)
            self._bar.update(curve.steps[-1] - shown)
            shown = curve.steps[-1]

        curve = runs.curve(run, show)
        # What was read and not run tells nothing about the time that is left.
        self._bar.total -= task.num_train_steps - shown
        self._bar.refresh()
        return curve
