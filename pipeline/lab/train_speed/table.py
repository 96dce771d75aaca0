"""The figures of `mnemosyne bench train` as a table, as JSON and in one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tabulate import tabulate

from pipeline.lab import figures_file
from pipeline.lab.prepare import processor
from pipeline.lab.train_speed.contestants import OURS

_HEADERS = (
    "program",
    "sequences/CPU s",
    "CPU s/step",
    "times ours",
    "wall s/step",
    "of peak",
    "peak MB",
    "start CPU s",
)
_VERSIONS_OF = ("tensorflow", "tf-keras", "numpy")


def table(case: Mapping[str, Any]) -> str:
    """Returns the title of a case and a table with a row for each program."""
    rows = [
        (
            name,
            f"{each['sequences_per_cpu_second']:.2f}",
            f"{each['cpu_seconds']:.3f}",
            f"{each['times_ours']:.2f}",
            f"{each['wall_seconds']:.3f}",
            f"{each['fraction_of_peak']:.0%}",
            f"{each['peak_mb']:,.0f}",
            f"{each['start_cpu_seconds']:.1f}",
        )
        for name, each in case["programs"].items()
    ]
    align = ("left", *["right"] * (len(_HEADERS) - 1))
    body = tabulate(rows, _HEADERS, "plain", disable_numparse=True, colalign=align)
    return f"{title(case)}\n{body}"


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


def save(path: str, cases: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]) -> None:
    """Writes the cases, the settings, the versions of packages and the processor."""
    content = {
        "suite": "train",
        "settings": dict(settings),
        "processor": processor.name(),
        "cases": list(cases),
    }
    figures_file.save(path, content, versions_of=_VERSIONS_OF)


def last_line(cases: Sequence[Mapping[str, Any]]) -> str:
    """Returns how many times our CPU time each of the others takes, by case."""
    parts = []
    for case in cases:
        times = [
            f"{each['times_ours']:.2f}x {name}"
            for name, each in case["programs"].items()
            if name != OURS
        ]
        if times:
            parts.append(
                f"BERT-{case['size']}, dropout {case['dropout']:g}, {case['cores']}: "
                + ", ".join(times)
            )
    return "CPU time of a step, ours 1; " + ("; ".join(parts) or "nothing to compare with")
