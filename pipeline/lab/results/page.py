"""Outcomes to the page of results, in Markdown."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

import numpy as np

from pipeline.lab.races import horizon, table, transfer
from pipeline.lab.races.contestants import MNEMOSYNE, SWEPT_NOMINAL
from pipeline.lab.races.outcome import Outcome
from pipeline.lab.races.runs_file import FinishedRun
from pipeline.lab.races.table import Result, markdown_table

_HEADERS = (
    "optimizer",
    "best rate",
    "seeds",
    "held-out loss",
    "accuracy, %",
    "steps to AdamW's loss",
    "CPU seconds to it",
)
_TRANSFER_HEADERS = (
    "task",
    "Mnemosyne",
    "nominal rule, best factor",
    "its loss",
    "difference",
    "verdict",
)
_HORIZON_HEADERS = ("optimizer", "seeds", "lowest held-out loss", "at the end")
_INTRODUCTION = """\
# Results

Written from [finished runs](results/runs.jsonl) of {dates} by

    {command}

Losses are in nats, at the end of a run, at the best rate tried: mean +- standard deviation over
seeds. Steps and CPU seconds, to the final loss of the best AdamW, are fractions of its own.
{names}. How the runs are made: [comparison.md](comparison.md);
the claims of the paper, one by one: [claims.md](claims.md).

![Held-out loss over steps](results/loss_curves.png)
"""
# Beginning of a name: what it stands for. Only what has a row is explained.
_NAMES = {
    "mnemosyne": "`mnemosyne`: the released parameters, given steps and labels of the run",
    "mnemosyne()": "`mnemosyne()`: given neither",
    "without_": "`without_*`: less one part (no row where that changes nothing)",
    "nominal": "`nominal`: the untrained rule, its rates swept",
}


def page(found: Sequence[tuple[Sequence[FinishedRun], Outcome]], *, command: str) -> str:
    """Returns the page.

    Args:
        found: the runs and the outcome of each task.
        command: that writes it.
    """
    runs = [run for of_task, _ in found for run in of_task]
    parts = [_INTRODUCTION.format(command=command, dates=_dates(runs), names=_names(found))]
    bert = _of_kind(found, "bert_")
    if bert:
        parts.append("## BERT\n\n" + "\n\n".join(_comparison(*each) for each in bert))
    if gain := _learned_gain(bert):
        parts.append(gain)
    if points := _of_kind(found, "transfer_"):
        parts.append(_transfer(points))
    if long_runs := _of_kind(found, horizon.SIZE.name):
        parts.append(_horizon(*long_runs[0]))
    if pictures := _of_kind(found, "fashion_"):
        parts.append("## Images\n\n" + "\n\n".join(_comparison(*each) for each in pictures))
    return "\n".join(part.rstrip() + "\n" for part in parts)


def _of_kind(
    found: Sequence[tuple[Sequence[FinishedRun], Outcome]], prefix: str
) -> list[tuple[Sequence[FinishedRun], Outcome]]:
    return [each for each in found if each[1].task.name.startswith(prefix)]


def _dates(runs: Sequence[FinishedRun]) -> str:
    dates = sorted(run.date for run in runs)
    return " to ".join(dict.fromkeys((dates[0], dates[-1]))) if dates else "no date"


def _names(found: Sequence[tuple[Sequence[FinishedRun], Outcome]]) -> str:
    rows = {name for _, outcome in found for name in outcome.curves}
    explained = [
        text
        for name, text in _NAMES.items()
        if any(row == name or (name.endswith("_") and row.startswith(name)) for row in rows)
    ]
    return textwrap.fill("; ".join(explained), 96)


def _comparison(runs: Sequence[FinishedRun], outcome: Outcome) -> str:
    task = outcome.task
    plateau = "" if outcome.plateau is None else f"; unigram loss {outcome.plateau:.3f}"
    heading = (
        f"`{task.name}`, {task.num_train_steps:,} steps of {task.batch_size}: {runs[0].about}"
        f"{plateau}; runs of {_dates(runs)}"
    )
    rows = [_row(result) for result in outcome.results]
    return f"{heading}\n\n{markdown_table(rows, _HEADERS)}"


def _row(result: Result) -> tuple[str, ...]:
    return (
        f"`{result.optimizer}`",
        table.rate_in_words(result),
        str(len(result.losses)),
        table.mean_and_spread(result.losses, 4 if np.mean(result.losses) < 1 else 3),
        table.mean_and_spread([100 * value for value in result.accuracies], 2),
        table.fraction_or_never(result.steps_to_pace),
        table.fraction_or_never(result.cpu_seconds_to_pace),
    )


def _learned_gain(bert: Sequence[tuple[Sequence[FinishedRun], Outcome]]) -> str:
    """What the learned number is worth, seed by seed, where a step has more than 160 labels."""
    for _, outcome in bert:
        if {MNEMOSYNE.name, "without_decay_delay"} <= set(outcome.curves):
            whole, part = (
                [curve.losses[-1] for curve in outcome.curves[name][1.0]]  # seeds 0, 1, 2, ...
                for name in (MNEMOSYNE.name, "without_decay_delay")
            )
            count = min(len(whole), len(part))
            differences = np.subtract(whole[:count], part[:count])
            error = differences.std(ddof=1) / math.sqrt(count) if count > 1 else math.nan
            return (
                f"The learned number, the delay of the decay, changes `{outcome.task.name}` by\n"
                f"{differences.mean():+.3f} +- {error:.3f} nats (standard error) over {count} "
                f"paired seeds; lower on {int((differences < 0).sum())} of them."
            )
    return ""


def _transfer(points: Sequence[tuple[Sequence[FinishedRun], Outcome]]) -> str:
    both = [
        outcome
        for _, outcome in points
        if {MNEMOSYNE.name, SWEPT_NOMINAL.name} <= set(outcome.curves)
    ]
    rows = [
        (
            f"`{each.point}`",
            f"{each.loss:.3f}",
            f"{each.best_factor:g}" + (" (end of those tried)" if each.is_at_end else ""),
            f"{each.best_loss:.3f}",
            f"{each.difference:+.3f}",
            each.verdict,
        )
        for each in transfer.compare(both)
        if each.optimizer == MNEMOSYNE.name
    ]
    return (
        "## Transfer\n\nThe same parameters at four times the width or depth, eight times the "
        f"batch or the steps\n(`mnemosyne bench transfer`; {points[0][0][0].about}):\n\n"
        f"{markdown_table(rows, _TRANSFER_HEADERS)}"
    )


def _horizon(runs: Sequence[FinishedRun], outcome: Outcome) -> str:
    rows = []
    for name, by_rate in outcome.curves.items():
        if len(by_rate) == 1 and 1.0 in by_rate and name != SWEPT_NOMINAL.name:
            ending = horizon.ending(name, by_rate[1.0], outcome.plateau)
            lowest, finals = (
                table.mean_and_spread(losses, 3) for losses in (ending.lowest, ending.finals)
            )
            rows.append((f"`{name}`", str(len(ending.finals)), lowest, finals))
    return (
        f"## Long runs\n\n{outcome.task.num_train_steps:,} steps of {outcome.task.batch_size} "
        f"(`mnemosyne bench horizon`; {runs[0].about}):\n\n{markdown_table(rows, _HORIZON_HEADERS)}"
    )
