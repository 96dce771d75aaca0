"""The figures of `mnemosyne bench train` as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.lab.side_by_side.table import program_table

# Header, key, format.
_COLUMNS = (
    ("sequences/CPU s", "sequences_per_cpu_second", ".2f"),
    ("CPU s/step", "cpu_seconds", ".3f"),
    ("times ours", "times_ours", ".2f"),
    ("wall s/step", "wall_seconds", ".3f"),
    ("of peak", "fraction_of_peak", ".0%"),
    ("peak MB", "peak_mb", ",.0f"),
    ("start CPU s", "start_cpu_seconds", ".1f"),
)


def table(case: Mapping[str, Any]) -> str:
    """Returns the title of a case and a table with a row for each program."""
    return f"{title(case)}\n{program_table(case['programs'], _COLUMNS)}"


def title(case: Mapping[str, Any]) -> str:
    """Returns what a case measured, in words."""
    words = (
        f"BERT-{case['size']}, {case['batch_size']} x {case['seq_len']} tokens, dropout "
        f"{case['dropout']:g}, {case['cores']}"
    )
    if "matmul_flops_per_second" in case:
        rate = case["matmul_flops_per_second"] / 1e9
        words += f"; matrix products {rate:.0f} GFLOP per CPU second"
    return words
