"""What `mnemosyne bench prepare` found, as a table, as JSON and in one line."""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.lab import figures_file
from pipeline.lab.prepare.program import Measurement

_VERSIONS_OF = ("tensorflow", "tensorflow-text", "apache-beam", "numpy", "protobuf")


def case(
    max_seq_length: int, dupe_factor: int, runs: Mapping[str, Sequence[Measurement]], *, ours: str
) -> dict[str, Any]:
    """Returns the figures of one setting: of each contestant the run of median CPU time.

    `times_slower` says how many times more CPU time a megabyte takes than with `ours`.
    """
    median = {
        name: sorted(measured, key=lambda each: each.cpu_seconds)[(len(measured) - 1) // 2]
        for name, measured in runs.items()
    }
    rate = median[ours].megabytes_per_second
    return {
        "max_seq_length": max_seq_length,
        "dupe_factor": dupe_factor,
        "contestants": {
            name: {
                "megabytes": each.megabytes,
                "cpu_seconds": each.cpu_seconds,
                "cpu_seconds_of_all_runs": [run.cpu_seconds for run in runs[name]],
                "megabytes_per_second": each.megabytes_per_second,
                "sequences": each.sequences,
                "sequences_per_second": each.sequences / each.cpu_seconds,
                "peak_mb": each.peak_mb,
                "imports_mb": each.imports_mb,
                "times_slower": rate / each.megabytes_per_second,
            }
            for name, each in median.items()
        },
    }


def table(cases: Sequence[Mapping[str, Any]]) -> str:
    """Returns one line for each contestant of each case."""
    lines = [
        f"{'':<22}{'text MB':>9}{'CPU s':>9}{'MB/s':>9}{'records/s':>11}{'peak MB':>9}"
        f"{'times slower':>14}"
    ]
    for each in cases:
        lines.append(f"{each['max_seq_length']} tokens, dupe_factor {each['dupe_factor']}")
        for name, figures in each["contestants"].items():
            lines.append(
                f"  {name:<20}{figures['megabytes']:>9.1f}{figures['cpu_seconds']:>9.2f}"
                f"{figures['megabytes_per_second']:>9.3f}{figures['sequences_per_second']:>11,.0f}"
                f"{figures['peak_mb']:>9,.0f}{figures['times_slower']:>13.1f}x"
            )
    return "\n".join(lines)


def save(path: str, cases: Sequence[Mapping[str, Any]], **about: Any) -> None:
    """Writes the cases and what they were measured with and on."""
    content = {"suite": "prepare", **about, "processor": _processor(), "cases": list(cases)}
    figures_file.save(path, content, versions_of=_VERSIONS_OF)


def last_line(cases: Sequence[Mapping[str, Any]], *, ours: str) -> str:
    """Returns the least of our leads over each of the others."""
    leads = {
        name: min(each["contestants"][name]["times_slower"] for each in cases)
        for name in cases[0]["contestants"]
        if not name.startswith(ours)
    }
    said = ", ".join(f"{lead:.1f}x {name}" for name, lead in leads.items())
    return f"{ours} makes records at {said} or more, by CPU time on one core"


def _processor() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        names = re.findall(r"model name\s*: (.*)", file.read())
    return names[0] if names else platform.machine()
