"""The figures of `mnemosyne bench prepare` as a table, as JSON and in one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tabulate import tabulate

from pipeline.lab import figures_file
from pipeline.lab.prepare import processor
from pipeline.lab.prepare.program import Measurement

_VERSIONS_OF = ("tensorflow", "tensorflow-text", "apache-beam", "numpy", "protobuf")
_HEADERS = ("", "program", "text MB", "CPU s", "MB/s", "records/s", "peak MB", "times slower")


def case(
    max_seq_length: int, dupe_factor: int, runs: Mapping[str, Sequence[Measurement]], *, ours: str
) -> dict[str, Any]:
    """Returns the figures of one setting: of each program the run of median CPU time.

    `times_slower`: CPU time of a megabyte, divided by that of `ours`.
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
    """Returns a table with a row for each program of each case."""
    rows = [
        (
            f"{each['max_seq_length']} tokens, dupe_factor {each['dupe_factor']}",
            name,
            f"{figures['megabytes']:.1f}",
            f"{figures['cpu_seconds']:.2f}",
            f"{figures['megabytes_per_second']:.3f}",
            f"{figures['sequences_per_second']:,.0f}",
            f"{figures['peak_mb']:,.0f}",
            f"{figures['times_slower']:.1f}x",
        )
        for each in cases
        for name, figures in each["contestants"].items()
    ]
    align = ("left", "left", *["right"] * (len(_HEADERS) - 2))
    return tabulate(rows, _HEADERS, "plain", disable_numparse=True, colalign=align)


def save(path: str, cases: Sequence[Mapping[str, Any]], **about: Any) -> None:
    """Writes the cases, the versions of packages and the processor."""
    content = {"suite": "prepare", **about, "processor": processor.name(), "cases": list(cases)}
    figures_file.save(path, content, versions_of=_VERSIONS_OF)


def last_line(cases: Sequence[Mapping[str, Any]], *, ours: Sequence[str]) -> str:
    """Returns how many times slower each of the others is, the least over all cases.

    Args:
        cases: of `case`.
        ours: names of our programs, the one that is compared first.
    """
    leads = {
        name: min(each["contestants"][name]["times_slower"] for each in cases)
        for name in cases[0]["contestants"]
        if name not in ours
    }
    factors = ", ".join(f"{lead:.1f}x {name}" for name, lead in leads.items())
    return f"{ours[0]} makes records at {factors} or more, by CPU time on one core"
