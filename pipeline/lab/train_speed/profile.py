"""The story of `mnemosyne bench train --profile`: where the time of our step goes."""

from __future__ import annotations

import dataclasses
import os
import sys
import tempfile
from collections.abc import Mapping
from typing import Any

from tabulate import tabulate

from models import BertConfig
from pipeline.lab.prepare import processor
from pipeline.lab.side_by_side.contestant import OURS
from pipeline.lab.side_by_side.running_program import RunningProgram, one_core
from pipeline.lab.side_by_side.table import save
from pipeline.lab.train_speed import step_parts, story, table, trace
from pipeline.lab.train_speed.contestants import contestants
from pipeline.lab.train_speed.story import Settings

_LARGEST = 12


def run(settings: Settings, output: str | None = None) -> None:
    """Prints the parts of a step, ours and the baseline's, and writes the JSON.

    Args:
        settings: of the measurement; the first size and dropout, on one core. `rounds` times
            `steps` are in the trace. Peers are left out.
        output: JSON to write, or None.

    Raises:
        ValueError: a program failed.
    """
    print(f"processor: {processor.name()}")
    case = {
        "size": settings.sizes[0],
        "dropout": settings.dropout[0],
        "cores": "one core",
        "batch_size": settings.batch_size,
        "seq_len": settings.max_seq_length,
        "programs": _profiles(settings),
    }
    print(_table(case))
    if output:
        save(output, "train", [case], dataclasses.asdict(settings))
    print(_last_line(case["programs"][OURS]))


def _profiles(settings: Settings) -> dict[str, Any]:
    found = {}
    num_steps = settings.rounds * settings.steps
    for contestant in contestants(
        baseline=settings.baseline,
        pythons={},
        with_helped=False,
        with_mnemosyne=settings.mnemosyne,
    ):
        print(f"BERT-{settings.sizes[0]}: {contestant.name}", file=sys.stderr)
        with tempfile.TemporaryDirectory() as scratch:
            training = story.training_settings(
                BertConfig.named(settings.sizes[0], vocab_size=settings.vocab_size),
                dropout=settings.dropout[0],
                batches_file=story.random_batches(settings, scratch),
            )
            training["profile"] = os.path.join(scratch, "trace")
            core = one_core(settings.core)
            with RunningProgram(contestant, training, core=core, scratch=scratch) as program:
                program.run(num_steps)
            operations = trace.read(training["profile"], num_steps=num_steps)
        found[contestant.name] = {
            "seconds": step_parts.seconds_by_part(operations),
            "operations": [
                {**dataclasses.asdict(each), "part": step_parts.part_of(each)}
                for each in sorted(operations, key=lambda each: -each.seconds)[:_LARGEST]
            ],
        }
    return found


def _table(case: Mapping[str, Any]) -> str:
    programs = case["programs"]
    totals = {name: sum(each["seconds"].values()) for name, each in programs.items()}
    rows = [
        (
            part,
            *(_cell(each["seconds"][part], totals[name]) for name, each in programs.items()),
            meaning,
        )
        for part, meaning in step_parts.PARTS.items()
    ]
    rows.append(("all", *(_cell(total, total) for total in totals.values()), ""))
    headers = ("ms of a step", *programs, "")
    align = ("left", *["right"] * len(programs), "left")
    body = tabulate(rows, headers, "plain", disable_numparse=True, colalign=align)
    return f"{table.title(case)}\n{body}"


def _cell(seconds: float, total: float) -> str:
    return f"{1e3 * seconds:,.1f} ({seconds / total:4.0%})"


def _last_line(ours: Mapping[str, Any]) -> str:
    total = sum(ours["seconds"].values())
    return f"matrix products are {ours['seconds'][step_parts.PRODUCTS] / total:.0%} of our step"
