"""The figures of programs as a table, in one line and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tabulate import tabulate

from pipeline.lab import figures_file
from pipeline.lab.prepare import processor
from pipeline.lab.side_by_side.contestant import OURS

_VERSIONS_OF = ("tensorflow", "tf-keras", "numpy")


def program_table(
    programs: Mapping[str, Mapping[str, Any]], columns: Sequence[tuple[str, str, str]]
) -> str:
    """Returns a row for each program.

    Args:
        programs: figures by program.
        columns: of each the header, the key of the figure and how to format it.
    """
    rows = [
        (name, *(format(figures[key], how) for _, key, how in columns))
        for name, figures in programs.items()
    ]
    headers = ("program", *(header for header, _, _ in columns))
    align = ("left", *["right"] * len(columns))
    return tabulate(rows, headers, "plain", disable_numparse=True, colalign=align)


def last_line(cases: Sequence[tuple[str, Mapping[str, Mapping[str, Any]]]]) -> str:
    """Returns how many times our CPU time each of the others takes.

    Args:
        cases: of each the title and the figures by program.
    """
    parts = []
    for title, programs in cases:
        others = [
            f"{figures['times_ours']:.2f}x {name}"
            for name, figures in programs.items()
            if name != OURS
        ]
        if others:
            parts.append(f"{title}: {', '.join(others)}")
    return "CPU time of a step, ours 1; " + ("; ".join(parts) or "nothing to compare with")


def save(
    path: str, suite: str, cases: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]
) -> None:
    """Writes the cases, the settings, the versions of packages and the processor."""
    content = {
        "suite": suite,
        "settings": dict(settings),
        "processor": processor.name(),
        "cases": list(cases),
    }
    figures_file.save(path, content, versions_of=_VERSIONS_OF)
