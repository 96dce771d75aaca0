"""The gate: whether meta-parameters of a file may replace those that ship.

They must win in whole races, on texts and at lengths that no meta-training has seen: nowhere behind
the nominal rule at its best swept rates by more than `TOLERANCE`, and ahead of what ships on the
mean of all tasks by more than `STANDARD_ERRORS` over the seeds. Tasks on which AdamW stayed on its
plateau say nothing. Before every task of the suite has been judged, nothing passes. In place of
what ships another set may be the one to beat, so that an old verdict can be seen again.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import time
from collections.abc import Sequence

import numpy as np

from pipeline.lab import figures_file
from pipeline.lab.races.contestants import MNEMOSYNE, NOMINAL, candidate
from pipeline.lab.races.outcome import Outcome
from pipeline.lab.races.table import PACE

TOLERANCE = 0.02
# With three seeds one error would pass every fifth candidate that is no better, two every eleventh.
STANDARD_ERRORS = 2
_HEADER = """\
| date | meta-parameters | seeds | mean final losses: candidate, to beat, nominal swept | verdict |
| --- | --- | --- | --- | --- |
"""


@dataclasses.dataclass(frozen=True)
class Losses:
    """Final held-out losses on a task that counts, nats, one for each seed.

    Attributes:
        ours, to_beat, nominal: of the candidate, of what ships, of the nominal rule at its best.
    """

    ours: list[float]
    to_beat: list[float]
    nominal: list[float]

    def __str__(self) -> str:
        return ", ".join(f"{np.mean(each):.4f}" for each in vars(self).values())


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What the gate says of a candidate.

    Attributes:
        meta_params: the file.
        losses: of each task that counts.
        unjudged: tasks of the suite that did not race or do not count.
        against: the set to beat, "nominal" or a file; None is what ships.
    """

    meta_params: str
    losses: dict[str, Losses]
    unjudged: list[str]
    against: str | None = None

    @property
    def lead(self) -> tuple[float, float]:
        """Ours less what ships, and its standard error: mean over tasks, nats.

        Seeds are paired: they share initial weights and the order of the data. Of a single seed
        the error is NaN.
        """
        differences = [np.subtract(each.ours, each.to_beat) for each in self.losses.values()]
        errors = [
            np.std(each, ddof=1) / np.sqrt(len(each)) if len(each) > 1 else np.nan
            for each in differences
        ]
        mean = np.mean([np.mean(each) for each in differences])
        return float(mean), float(np.sqrt(np.sum(np.square(errors))) / len(errors))

    @property
    def worst(self) -> float:
        """Ours less the nominal rule at its best rates on the task where that is most, nats."""
        return float(np.max([np.mean(x.ours) - np.mean(x.nominal) for x in self.losses.values()]))

    @property
    def wins(self) -> bool:
        """Whether it is ahead on the tasks that were judged; NaN never is."""
        if not self.losses:
            return False
        mean, error = self.lead
        return mean + STANDARD_ERRORS * error < 0 and self.worst <= TOLERANCE

    @property
    def passes(self) -> bool:
        """Whether it may ship."""
        return self.wins and not self.unjudged

    def in_words(self) -> str:
        """One line."""
        if not self.losses:
            return "gate: no verdict, no task counts"
        said = "passed" if self.passes else "not passed"
        if self.wins and self.unjudged:
            said = "not passed yet, ahead so far"
        mean, error = self.lead
        missing = f"; not judged: {', '.join(self.unjudged)}" if self.unjudged else ""
        return (
            f"gate: {said}, on {len(self.losses)} task(s) {mean:+.4f} +- {error:.4f} nats against "
            f"{self.against or 'what ships'}, at worst {self.worst:+.4f} against the nominal rule "
            f"swept{missing}"
        )

    def row(self) -> str:
        """A line of the history."""
        from mnemosyne_tf.meta_params import MetaParams

        fingerprint = MetaParams.load(self.meta_params).fingerprint()[:12]
        tasks = "; ".join(f"{name}: {losses}" for name, losses in self.losses.items())
        seeds = max((len(losses.ours) for losses in self.losses.values()), default=0)
        verdict = self.in_words().partition(": ")[2]
        return f"| {_today()} | {fingerprint} | {seeds} | {tasks} | {verdict} |\n"


def contestants(meta_params: str, against: str | None = None) -> list[str]:
    """Who races at the gate."""
    return [PACE, NOMINAL, _to_beat(against), candidate(meta_params)]


def check_they_differ(meta_params: str, against: str | None) -> None:
    """Refuses to judge a set against itself.

    Args:
        meta_params: the file of the candidate.
        against: "nominal" or a file; None is what ships.

    Raises:
        FileNotFoundError: a file does not exist.
        ValueError: both hold the same numbers, or one is no such file.
    """
    from mnemosyne_tf.meta_params import MetaParams

    ours, to_beat = MetaParams.load(meta_params), MetaParams.resolve(against or "shipped")
    if ours.fingerprint() == to_beat.fingerprint():
        raise ValueError(
            f"--suite gate: expected another set than the one to beat, {meta_params} holds the "
            f"numbers of {against or 'what ships'}. Name another with --against: FILE.npz, or "
            "nominal for the untrained rule."
        )


def judge(
    outcomes: Sequence[Outcome],
    meta_params: str,
    suite: Sequence[str],
    against: str | None = None,
) -> Verdict:
    """Compares final losses of the `contestants`.

    Args:
        outcomes: of the tasks that raced.
        meta_params: the file of the candidate.
        suite: names of all tasks that have to be judged.
        against: as in `check_they_differ`.
    """
    losses = {}
    for outcome in outcomes:
        if outcome.verdict().startswith("does not count"):
            continue
        final = {result.optimizer: result.losses for result in outcome.results}
        three = (candidate(meta_params), _to_beat(against), NOMINAL)
        losses[outcome.task.name] = Losses(*(final[name] for name in three))
    return Verdict(meta_params, losses, [name for name in suite if name not in losses], against)


def file_of(verdict: Verdict) -> str:
    """Returns where `save` writes it: `NAME.gate.json`, beside the file that was judged."""
    return str(pathlib.Path(verdict.meta_params).with_suffix(".gate.json"))


def save(verdict: Verdict) -> None:
    """Writes the verdict as JSON to `file_of` it."""
    from mnemosyne_tf.meta_params import MetaParams

    content = {
        "fingerprint": MetaParams.load(verdict.meta_params).fingerprint(),
        "date": _today(),
        "against": verdict.against or "what ships",
        "passes": verdict.passes,
        "verdict": verdict.in_words(),
        "final_losses": {name: vars(losses) for name, losses in verdict.losses.items()},
        "not_judged": verdict.unjudged,
    }
    versions = ("tensorflow", "tf-keras", "numpy")
    figures_file.save(file_of(verdict), content, versions_of=versions)


def add_to_history(path: str, verdict: Verdict) -> None:
    """Adds a row to the table at the end of a Markdown file, under a temporary name first."""
    before = _HEADER
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            before = file.read()
    with open(f"{path}.tmp", "w", encoding="utf-8") as file:
        file.write(before + verdict.row())
    os.replace(f"{path}.tmp", path)


def _to_beat(against: str | None) -> str:
    return candidate(against) if against else MNEMOSYNE


def _today() -> str:
    return time.strftime("%Y-%m-%d", time.gmtime())
