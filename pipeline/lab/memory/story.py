"""The story of `mnemosyne bench memory`: random patterns stored and recalled."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from tabulate import tabulate

from pipeline.lab import figures_file
from pipeline.lab.memory import plots
from pipeline.lab.memory.recall import Setting
from pipeline.lab.memory.sweeps import Row, Sweeps

_VERSIONS_OF = ("tensorflow", "numpy", "matplotlib")


def run(
    *,
    num_features: Sequence[int],
    taus: Sequence[float],
    dimension: int,
    patterns: int,
    length: float,
    noise: float,
    seeds: int,
    plot: str | None = None,
    output: str | None = None,
) -> None:
    """Prints the table, draws the picture and writes the JSON.

    Args:
        num_features: random features of the memories to compare, even.
        taus: discounts to compare.
        dimension: of the patterns.
        patterns: stored, where their number is not swept.
        length: of q and k, where it is not swept.
        noise: length of a query's noise.
        seeds: draws behind every error bar.
        plot: picture to draw, or None.
        output: JSON to write, or None.
    """
    settings = {name: value for name, value in locals().items() if name not in ("plot", "output")}
    start = time.perf_counter()
    # Every sweep sets its own number of features.
    base = Setting(dimension, num_features[0], length, noise=noise)
    sweeps = Sweeps(base, num_features, taus, patterns=patterns, seeds=seeds).run()
    seconds = time.perf_counter() - start
    print(table(sweeps))
    if plot:
        plots.save(plot, sweeps, heading=_heading(noise, seeds))
    if output:
        content = {"suite": "memory", "settings": settings, "seconds": seconds, "sweeps": sweeps}
        figures_file.save(output, content, versions_of=_VERSIONS_OF)
    written = [path for path in (plot, output) if path]
    print(f"{seconds:.0f} s" + (f"; written: {', '.join(written)}" if written else ""))
    print(last_line(sweeps))


def table(sweeps: Mapping[str, Sequence[Row]]) -> str:
    """Returns the deviation of the kernel by S, and the patterns found by number stored."""
    squares = sorted({row["s"] for row in sweeps["kernel"]})
    deviations = [
        (
            f"r = {size}",
            *(f"{row['independent']['mean']:.3f} / {row['predicted']:.3f}" for row in rows),
        )
        for size, rows in _by(sweeps["kernel"], "num_features")
    ]
    counts = sorted({row["patterns"] for row in sweeps["counts"]})
    by_size = _by(sweeps["counts"], "num_features")
    found = [(f"r = {size}", *(_percent(row["found"]) for row in rows)) for size, rows in by_size]
    found.append(("softmax", *(_percent(row["found_exactly"]) for row in by_size[-1][1])))
    return "\n".join(
        [
            "relative deviation of the kernel: measured / sqrt((e^S - 2 + e^-S) / r)",
            _text_table(deviations, ["S = |q + k|^2", *(f"{square:g}" for square in squares)]),
            "patterns found, in percent",
            _text_table(found, ["stored", *map(str, counts)]),
        ]
    )


def _text_table(rows: Sequence[Sequence[str]], headers: Sequence[str]) -> str:
    align = ("left", *["right"] * (len(headers) - 1))
    return tabulate(rows, headers, "plain", disable_numparse=True, colalign=align)


def last_line(sweeps: Mapping[str, Sequence[Row]]) -> str:
    """Returns how far measurement is from theory, and how many patterns are mostly found."""
    apart = max(
        abs(row["independent"]["mean"] / row["predicted"] - 1.0) for row in sweeps["kernel"]
    )
    held = ", ".join(
        f"{_half_found(rows, 'found')} with r = {size}"
        for size, rows in _by(sweeps["counts"], "num_features")
    )
    softmax = _half_found(sweeps["counts"], "found_exactly")
    return (
        f"kernel within {apart:.0%} of its theory; at least half of the patterns found up to "
        f"{held}, {softmax} with softmax (of {sweeps['counts'][-1]['patterns']} tried)"
    )


def _half_found(rows: Sequence[Row], key: str) -> int:
    """The largest number stored of which, as of every smaller one, half or more are found."""
    largest = 0
    for row in sorted(rows, key=lambda each: each["patterns"]):
        if row[key]["mean"] < 0.5:
            break
        largest = row["patterns"]
    return largest


def _by(rows: Sequence[Row], key: str) -> list[tuple[Any, list[Row]]]:
    return [
        (value, [row for row in rows if row[key] == value])
        for value in sorted({row[key] for row in rows})
    ]


def _measured_and_predicted(row: Row) -> str:
    return f"{row['independent']['mean']:.3f} / {row['predicted']:.3f}"


def _percent(fraction: Mapping[str, float]) -> str:
    return f"{100 * fraction['mean']:.0f} +- {100 * fraction['std']:.0f}"


def _heading(noise: float, seeds: int) -> str:
    return (
        "What a compact associative memory recalls, compared with softmax attention\n"
        f"Random patterns of length 1, queried with noise of length {noise:g}; error bars: "
        f"one standard deviation over {seeds} seeds"
    )
