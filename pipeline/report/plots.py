"""The pictures of a report: rows of numbers to inline SVG.

Colours are CSS variables of the page, so one picture suits light and dark; text
stays text in the font of the page.
"""

import io
import re
from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import (
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullLocator,
    PercentFormatter,
)

from pipeline.report.sources import Run

NUM_SERIES = 6
_MAX_POINTS = 800
# The average of a smoothed curve reaches back over this fraction of its rows, as 1 / e.
_SMOOTHING = 0.02
# Colours that matplotlib writes and the page replaces.
_INK, _GRID = "#010101", "#020202"
_SERIES = [f"#0303{index:02x}" for index in range(1, NUM_SERIES + 1)]
_CSS_COLOURS = {_INK: "var(--ink-soft)", _GRID: "var(--line)"} | {
    colour: f"var(--series-{index})" for index, colour in enumerate(_SERIES, start=1)
}
_STYLE = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10.5,  # of a picture 5.4 inches wide; on a phone it shrinks by a fifth
    "axes.edgecolor": _GRID,
    "axes.labelcolor": _INK,
    "axes.titlecolor": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": _GRID,
    "grid.linewidth": 0.7,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "text.color": _INK,
}


def curves(
    runs: Sequence[Run],
    *,
    metric: str,
    against: str,
    references: Mapping[str, float],
    is_fraction: bool = False,
    is_ratio: bool = False,
) -> str:
    """One metric of all runs: held-out bold, training thin and smoothed, its rows faint.

    Args:
      runs: Their order decides their colours.
      metric: Key of the rows of `metrics.jsonl`.
      against: "step", "tokens" without padding, or "seconds" of training. A run whose rows lack it
        has no curve.
      references: Label -> value of a dashed line.
      is_fraction: Whether the values are fractions, shown in percent.
      is_ratio: Whether the values are ratios, above 0, whose axis is logarithmic.

    Returns:
      An `<svg>` element.
    """
    with matplotlib.rc_context(_STYLE):
        figure, axes = _figure()
        unit, divisor = _x_unit(runs, against)
        for index, run in enumerate(runs):
            colour = _SERIES[index % NUM_SERIES]
            _line(axes, run.train, metric, against, divisor, color=colour, alpha=0.3, lw=0.8)
            means = smoothed(run.train, metric)
            _line(axes, means, metric, against, divisor, color=colour, alpha=0.75, lw=1.1)
            marker = "o" if len(run.heldout) < 30 else None
            _line(
                axes,
                run.heldout,
                metric,
                against,
                divisor,
                color=colour,
                lw=2.0,
                marker=marker,
                ms=3,
            )
        _draw_references(axes, references)
        _limit(axes, runs, metric, references=references, is_fraction=is_fraction)
        axes.set_xlabel(unit)
        axes.set_xlim(left=0)
        axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
        if is_fraction:
            axes.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
        # A skipped step moved nothing: zeros are left out, and all of them have no logarithm.
        if is_ratio and any(row.get(metric, 0.0) > 0.0 for run in runs for row in run.train):
            axes.set_yscale("log", nonpositive="mask")
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axes.yaxis.set_minor_locator(NullLocator())
        return _svg(figure)


def smoothed(rows: Sequence[Mapping], metric: str) -> list[Mapping]:
    """The rows with an exponential moving average in place of the metric.

    The weights of the rows behind a row sum to 1, so the first rows are averages of few, not
    estimates drawn towards zero.

    Args:
      rows: By step; those without the metric are left out.
      metric: Which one.

    Source: Kingma and Ba 2015 (arXiv 1412.6980), section 3, the correction of the start.
    """
    rows = [row for row in rows if metric in row]
    kept = np.exp(-1 / max(1.0, _SMOOTHING * len(rows))) if len(rows) > 1 else 0.0
    total = weight = 0.0
    means = []
    for row in rows:
        total = kept * total + row[metric]
        weight = kept * weight + 1.0
        means.append({**row, metric: total / weight})
    return means


def length_histogram(lengths: Mapping[int, int]) -> str:
    """A histogram of the sequences by their length.

    Args:
      lengths: Tokens in a sequence -> sequences.

    Returns:
      An `<svg>` element.
    """
    with matplotlib.rc_context(_STYLE):
        figure, axes = _figure(height=2.6)
        longest = max(lengths)
        width = max(1, -(-longest // 64))
        edges = np.arange(0, longest + width + 1, width)
        axes.hist(
            list(lengths),
            weights=list(lengths.values()),
            bins=edges,
            color=_SERIES[0],
            rwidth=0.85,
        )
        axes.set_xlabel("tokens per sequence" + (f", in bins of {width}" if width > 1 else ""))
        axes.set_ylabel("sequences")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        return _svg(figure)


def _figure(height: float = 3.3) -> tuple[Figure, Axes]:
    # Not pyplot: no global state and no display.
    figure = Figure(figsize=(5.4, height), layout="constrained")
    axes = figure.subplots()
    axes.set_axisbelow(True)
    return figure, axes


def _x_unit(runs: Sequence[Run], against: str) -> tuple[str, float]:
    """Label and divisor of the horizontal axis."""
    if against == "step":
        return "steps", 1.0
    if against == "tokens":
        most = max((row.get("tokens", 0) for run in runs for row in run.train), default=0)
        for unit, tokens in (("billions of ", 1e9), ("millions of ", 1e6)):
            if most > 3 * tokens:
                return f"{unit}tokens", tokens
        return "tokens", 1.0
    longest = max((row["seconds"] for run in runs for row in run.train or run.heldout), default=0)
    for unit, seconds in (("hours", 3600.0), ("minutes", 60.0)):
        if longest > 3 * seconds:
            return f"{unit} of training", seconds
    return "seconds of training", 1.0


def _line(axes: Axes, rows, metric: str, against: str, divisor: float, **style) -> None:
    rows = [row for row in rows if metric in row and against in row]
    rows = rows[:: -(-len(rows) // _MAX_POINTS)] if rows else rows
    axes.plot([row[against] / divisor for row in rows], [row[metric] for row in rows], **style)


def _draw_references(axes: Axes, references: Mapping[str, float]) -> None:
    for label, value in references.items():
        axes.axhline(value, color=_INK, lw=1.0, ls=(0, (5, 3)))
        axes.annotate(
            label,
            xy=(1, value),
            xycoords=("axes fraction", "data"),
            xytext=(0, 3),
            textcoords="offset points",
            ha="right",
            va="bottom",
        )


def _limit(axes: Axes, runs, metric: str, *, references, is_fraction: bool) -> None:
    """Cuts off the first fall from a random model, which would flatten all that follows."""
    rows = [row for run in runs for row in (*run.train, *run.heldout)]
    values = [row[metric] for row in rows if metric in row]
    marks = list(references.values())
    lowest = min([*values, *marks], default=0.0)
    if is_fraction:
        highest = max([*values, *marks], default=1.0)
        margin = 0.08 * (highest - lowest or 1.0)
        axes.set_ylim(max(0.0, lowest - margin), min(1.0, highest + 2 * margin))
    elif marks:
        margin = max(0.3, 0.35 * (max(marks) - lowest))
        axes.set_ylim(lowest - 0.1 * margin, max(marks) + margin)


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    figure.savefig(
        buffer,
        format="svg",
        transparent=True,
        metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
    )
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # The page sets the size and the font; repeated group names are not allowed on one page.
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r' id="[^"]*_\d+"', "", svg)
    svg = svg.replace("'sans-serif'", "inherit").replace("sans-serif", "inherit")
    for colour, variable in _CSS_COLOURS.items():
        svg = svg.replace(colour, variable)
    return svg
