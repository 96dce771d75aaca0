"""Programs work in turn; from the turns follow the figures of each."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.lab.side_by_side.contestant import OURS
from pipeline.lab.side_by_side.running_program import Turn


def take_turns(programs, *, rounds: int, steps: int) -> dict[str, list]:
    """Returns the turns of each program; a first one is not counted.

    In turn, so that a busy spell of the machine does not fall on one of them.
    """
    for program in programs.values():
        program.run(1)
    turns: dict[str, list] = {name: [] for name in programs}
    for _ in range(rounds):
        for name, program in programs.items():
            turns[name].append(program.run(steps))
    return turns


def program_figures(
    turns: Mapping[str, Sequence[Turn]],
    ready: Mapping[str, Mapping[str, Any]],
    *,
    batch_size: int,
    what: str = "examples",
) -> dict[str, dict[str, Any]]:
    """Returns the figures of every program that trains.

    Args:
        turns: of each program, one a round.
        ready: of each that trains, what it said of its start.
        batch_size: examples a step.
        what: the examples are called.

    Returns:
        By program: `examples_per_cpu_second`, and `cpu_seconds` and `wall_seconds` of a step,
        medians over the rounds; `times_ours`, the median over the rounds of its CPU time divided by
        ours in the same round; `peak_mb`; what is in `ready`; `turns`.
    """
    cpu = {name: cpu_seconds(turns[name]) for name in ready}
    return {
        name: {
            f"{what}_per_cpu_second": batch_size / statistics.median(cpu[name]),
            "cpu_seconds": statistics.median(cpu[name]),
            "wall_seconds": statistics.median(t.wall_seconds / t.steps for t in turns[name]),
            "times_ours": statistics.median(
                theirs / ours for theirs, ours in zip(cpu[name], cpu[OURS], strict=True)
            ),
            "peak_mb": turns[name][-1].peak_mb,
            **ready[name],
            "turns": [vars(turn) for turn in turns[name]],
        }
        for name in ready
    }


def cpu_seconds(turns: Sequence[Turn]) -> list[float]:
    """Returns the CPU time of a step, by turn."""
    return [turn.cpu_seconds / turn.steps for turn in turns]
