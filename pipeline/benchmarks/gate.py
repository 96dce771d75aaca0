"""The gate: whether meta-parameters of a file may replace those that ship.

They must win on tasks that no meta-training has seen, in whole races: nowhere behind the nominal
rule at its best swept rates by more than `TOLERANCE`, and ahead of what ships on the mean of all
tasks. Tasks on which AdamW stayed on its plateau say nothing and are left out.
"""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Sequence

import numpy as np

from pipeline.benchmarks.race_optimizers import MNEMOSYNE, NOMINAL, candidate
from pipeline.benchmarks.race_outcome import Outcome
from pipeline.benchmarks.race_table import PACE

TOLERANCE = 0.02
_HEADER = """\
| date | meta-parameters | final held-out losses: candidate, shipped, nominal swept | verdict |
| --- | --- | --- | --- |
"""


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What the gate says of a candidate.

    Attributes:
        meta_params: the file.
        losses: of each task that counts, mean final losses of candidate, shipped and nominal rule.
    """

    meta_params: str
    losses: dict[str, tuple[float, float, float]]

    @property
    def passes(self) -> bool:
        """Whether it may ship; NaN never does."""
        if not self.losses:
            return False
        ours, shipped, nominal = np.array(list(self.losses.values())).T
        return bool(np.all(ours <= nominal + TOLERANCE) and np.mean(ours - shipped) < 0)

    def in_words(self) -> str:
        """One line."""
        if not self.losses:
            return "gate: no verdict, no task counts"
        ours, shipped, nominal = np.array(list(self.losses.values())).T
        return (
            f"gate: {'passed' if self.passes else 'not passed'}, on {len(self.losses)} task(s) "
            f"{np.mean(ours - shipped):+.4f} nats against what ships, at worst "
            f"{np.max(ours - nominal):+.4f} against the nominal rule swept"
        )

    def row(self) -> str:
        """A line of the history."""
        from mnemosyne_tf.meta_params import MetaParams

        fingerprint = MetaParams.load(self.meta_params).fingerprint()[:12]
        tasks = "; ".join(
            f"{name}: " + ", ".join(f"{loss:.4f}" for loss in losses)
            for name, losses in self.losses.items()
        )
        date = time.strftime("%Y-%m-%d", time.gmtime())
        verdict = self.in_words().partition(": ")[2]
        return f"| {date} | {fingerprint} | {tasks} | {verdict} |\n"


def contestants(meta_params: str) -> list[str]:
    """Who races at the gate."""
    return [PACE, NOMINAL, MNEMOSYNE, candidate(meta_params)]


def judge(outcomes: Sequence[Outcome], meta_params: str) -> Verdict:
    """Compares final losses of the `contestants`."""
    losses = {}
    for outcome in outcomes:
        if outcome.verdict().startswith("does not count"):
            continue
        final = {result.optimizer: float(np.mean(result.losses)) for result in outcome.results}
        losses[outcome.task.name] = tuple(
            final[name] for name in (candidate(meta_params), MNEMOSYNE, NOMINAL)
        )
    return Verdict(meta_params, losses)


def add_to_history(path: str, verdict: Verdict) -> None:
    """Adds a row to the table at the end of a Markdown file, under a temporary name first."""
    before = _HEADER
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            before = file.read()
    with open(f"{path}.tmp", "w", encoding="utf-8") as file:
        file.write(before + verdict.row())
    os.replace(f"{path}.tmp", path)
