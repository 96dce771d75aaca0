"""The turns of all programs -> the figures of one case."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.lab.side_by_side.running_program import Turn
from pipeline.lab.side_by_side.turns import cpu_seconds, program_figures
from pipeline.lab.train_speed.contestants import MATRIX_PRODUCTS
from pipeline.lab.train_speed.programs import matrix_product


def figures(
    turns: Mapping[str, Sequence[Turn]],
    ready: Mapping[str, Mapping[str, Any]],
    *,
    batch_size: int,
    flops_of_a_sequence: float,
) -> dict[str, Any]:
    """Returns the figures of every program, medians over the rounds.

    Args:
        turns: of each program, one a round; of the matrix products, too.
        ready: of each program, what it said of its start.
        batch_size: sequences a step.
        flops_of_a_sequence: useful ones.

    Returns:
        `matmul_flops_per_second`, per CPU second, and by program under `programs`:
        `sequences_per_cpu_second`; `cpu_seconds` and `wall_seconds` of a step; `times_ours`, the
        median over the rounds of its CPU time divided by ours in the same round; `peak_mb`;
        `fraction_of_peak`; what is in `ready`; `turns`.
    """
    products = statistics.median(cpu_seconds(turns[MATRIX_PRODUCTS]))
    peak = matrix_product.flops_per_step() / products
    programs = program_figures(turns, ready, batch_size=batch_size, what="sequences")
    for each in programs.values():
        rate = each["sequences_per_cpu_second"]
        each["fraction_of_peak"] = rate * flops_of_a_sequence / peak
    return {"matmul_flops_per_second": peak, "programs": programs}
