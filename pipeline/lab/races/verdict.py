"""The verdict of the gate: whether meta-parameters of a file may replace the released ones.

They must end nowhere more than `TOLERANCE` above the nominal rule at its best swept rates, and on
the mean of all tasks below the set to beat by more than `STANDARD_ERRORS` over the seeds. Tasks
that do not count say nothing. Before every task has been judged, nothing passes.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import time
from collections.abc import Sequence

import numpy as np

from data_prep import storage
from mnemosyne_tf.meta_params import MetaParams
from pipeline.lab import figures_file
from pipeline.lab.races.outcome import Outcome

TOLERANCE = 0.02
# With three seeds one error would pass every fifth candidate that is no better, two every eleventh.
STANDARD_ERRORS = 2
RELEASED_IN_WORDS = "the released set"
_HEADER = """\
| date | meta-parameters | seeds | mean final losses: candidate, to beat, nominal swept | verdict |
| --- | --- | --- | --- | --- |
"""


@dataclasses.dataclass(frozen=True)
class Losses:
    """Final held-out losses on a task that counts, nats, one for each seed.

    Attributes:
        candidate: of the set that is judged.
        to_beat: of the set to beat.
        nominal: of the nominal rule at its best rates.
    """

    candidate: list[float]
    to_beat: list[float]
    nominal: list[float]

    def __str__(self) -> str:
        return ", ".join(f"{np.mean(each):.4f}" for each in vars(self).values())


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The verdict on a candidate.

    Attributes:
        meta_params: its file.
        losses: of each task that counts.
        unjudged: tasks of the gate that were not run or do not count.
        against: the set to beat, in words.
    """

    meta_params: str
    losses: dict[str, Losses]
    unjudged: list[str]
    against: str = RELEASED_IN_WORDS

    @property
    def lead(self) -> tuple[float, float]:
        """Candidate less the set to beat, and its standard error: mean over tasks, nats.

        Seeds are paired: they share initial weights and the order of the data. With a single seed
        the error is NaN.
        """
        differences = [np.subtract(each.candidate, each.to_beat) for each in self.losses.values()]
        errors = [
            np.std(each, ddof=1) / np.sqrt(len(each)) if len(each) > 1 else np.nan
            for each in differences
        ]
        mean = np.mean([np.mean(each) for each in differences])
        return float(mean), float(np.sqrt(np.sum(np.square(errors))) / len(errors))

    @property
    def worst(self) -> float:
        """Candidate less the nominal rule at its best rates, on the task where that is most."""
        differences = [np.mean(x.candidate) - np.mean(x.nominal) for x in self.losses.values()]
        return float(np.max(differences))

    @property
    def wins(self) -> bool:
        """Whether it is ahead on the tasks that were judged; NaN never is."""
        if not self.losses:
            return False
        mean, error = self.lead
        return mean + STANDARD_ERRORS * error < 0 and self.worst <= TOLERANCE

    @property
    def passes(self) -> bool:
        """Whether it may be released."""
        return self.wins and not self.unjudged

    def in_words(self) -> str:
        """Returns one line."""
        if not self.losses:
            return "gate: no verdict, no task counts"
        result = "passed" if self.passes else "not passed"
        if self.wins and self.unjudged:
            result = "not passed yet, ahead so far"
        mean, error = self.lead
        missing = f"; not judged: {', '.join(self.unjudged)}" if self.unjudged else ""
        return (
            f"gate: {result}, on {len(self.losses)} task(s) {mean:+.4f} +- {error:.4f} nats "
            f"against {self.against}, at worst {self.worst:+.4f} against the nominal rule swept"
            f"{missing}"
        )

    def row(self) -> str:
        """Returns a line of the history."""
        fingerprint = MetaParams.load(self.meta_params).fingerprint()[:12]
        tasks = "; ".join(f"{name}: {losses}" for name, losses in self.losses.items())
        seeds = max((len(losses.candidate) for losses in self.losses.values()), default=0)
        verdict = self.in_words().removeprefix("gate: ")
        return f"| {_today()} | {fingerprint} | {seeds} | {tasks} | {verdict} |\n"


def judge(
    outcomes: Sequence[Outcome],
    *,
    meta_params: str,
    names: tuple[str, str, str],
    all_tasks: Sequence[str],
    against: str = RELEASED_IN_WORDS,
) -> Verdict:
    """Compares final losses.

    Args:
        outcomes: of the tasks that were run.
        meta_params: the file of the candidate.
        names: of the candidate, the set to beat and the nominal rule, as contestants.
        all_tasks: names of the tasks that have to be judged.
        against: the set to beat, in words.
    """
    losses = {}
    for outcome in outcomes:
        if outcome.counts:
            final = {result.optimizer: result.losses for result in outcome.results}
            losses[outcome.task.name] = Losses(*(final[name] for name in names))
    return Verdict(meta_params, losses, [name for name in all_tasks if name not in losses], against)


def file_of(verdict: Verdict) -> str:
    """Returns the file that `save` writes: `NAME.gate.json`, next to the one that was judged."""
    return str(pathlib.Path(verdict.meta_params).with_suffix(".gate.json"))


def save(verdict: Verdict) -> None:
    """Writes the verdict as JSON to `file_of` it."""
    content = {
        "fingerprint": MetaParams.load(verdict.meta_params).fingerprint(),
        "date": _today(),
        "against": verdict.against,
        "passes": verdict.passes,
        "verdict": verdict.in_words(),
        "final_losses": {name: vars(losses) for name, losses in verdict.losses.items()},
        "not_judged": verdict.unjudged,
    }
    versions = ("tensorflow", "tf-keras", "numpy")
    figures_file.save(file_of(verdict), content, versions_of=versions)


def add_to_history(path: str, verdict: Verdict) -> None:
    """Adds a row to the table at the end of a Markdown file, which is made if there is none."""
    before = storage.read_whole(path) if os.path.exists(path) else _HEADER.encode()
    storage.write_whole(path, before + verdict.row().encode())


def _today() -> str:
    return time.strftime("%Y-%m-%d", time.gmtime())
