"""The sweeps of `mnemosyne bench memory` as one picture of six panels."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter, PercentFormatter

from mnemosyne_tf.learned.random_features import RADIUS
from pipeline.lab.memory.sweeps import predicted_deviation

# Okabe and Ito's colours, which the colour-blind can distinguish: for memories of several sizes,
# and for everything else.
_OF_SIZES = ("#0072b2", "#e69f00", "#009e73", "#8c564b")
_OF_OTHERS = ("#cc79a7", "#56b4e9", "#d55e00", "#8c564b")
_INK, _SOFT = "#222222", "#8a8a8a"
_STYLE = {
    "font.size": 9.5,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 22,
    "axes.edgecolor": _SOFT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e6e6e6",
    "xtick.color": _SOFT,
    "ytick.color": _SOFT,
    "xtick.labelcolor": _INK,
    "ytick.labelcolor": _INK,
    "legend.frameon": False,
}

Rows = Sequence[Mapping[str, Any]]


def save(path: str, sweeps: Mapping[str, Rows], *, heading: str) -> None:
    """Writes the picture; the ending of `path` decides its format.

    Raises:
        ValueError: the ending is not a picture format.
    """
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(13, 8.2), layout="constrained", dpi=150)
        axes = figure.subplots(2, 3)
        _kernel(axes[0, 0], sweeps["kernel"])
        _features(axes[0, 1], sweeps["features"])
        _lengths(axes[0, 2], sweeps["lengths"])
        _counts(axes[1, 0], sweeps["counts"])
        _dimensions(axes[1, 1], sweeps["dimensions"])
        _ages(axes[1, 2], sweeps["ages"])
        figure.suptitle(heading, x=0.01, ha="left", fontsize=11, color=_INK)
        figure.get_layout_engine().set(wspace=0.06, hspace=0.1)
        base, ending = os.path.splitext(path)
        temporary = f"{base}.tmp{ending}"
        figure.savefig(temporary)
        os.replace(temporary, path)


def _kernel(axes: Axes, rows: Rows) -> None:
    _title(
        axes, "The kernel: theory and measurement", r"$\phi(q)\cdot\phi(k)$ around $e^{q\cdot k}$"
    )
    for colour, size, part in _groups(rows, "num_features"):
        squares = np.geomspace(part[0]["s"], part[-1]["s"], 50)
        theory = [predicted_deviation(square, size) for square in squares]
        axes.plot(squares, theory, color=colour, lw=1.2)
        for kind, marker, face in (("independent", "o", colour), ("orthogonal", "D", "white")):
            _errorbars(axes, part, "s", kind, color=colour, marker=marker, mfc=face, ls="none")
        _name(axes, squares[-1], theory[-1], f"r = {size}", colour)
    axes.plot([], [], color=_INK, lw=1.2, label=r"$\sqrt{(e^S-2+e^{-S})/r}$")
    axes.plot([], [], color=_INK, ls="none", marker="o", ms=4, label="independent directions")
    axes.plot([], [], color=_INK, ls="none", marker="D", mfc="white", ms=4,
              label="orthogonal ones, as used")  # fmt: skip
    axes.legend(loc="upper left", fontsize=8.5)
    axes.set(xscale="log", yscale="log", xlabel="$S = |q + k|^2$", ylabel="relative deviation")
    _bound(axes, 4 * RADIUS**2, 0.25, f"largest S at length {RADIUS:g}")
    _ticks(axes.xaxis, sorted({row["s"] for row in rows}))


def _lengths(axes: Axes, rows: Rows) -> None:
    _found(axes, rows, "length", "length of q and k")
    _title(axes, "Sharp queries or a true kernel", _held(rows, "patterns", "dimension"))
    axes.set(xscale="log")
    _bound(axes, RADIUS, 0.75, f"the optimizer's {RADIUS:g}")
    _ticks(axes.xaxis, sorted({row["length"] for row in rows}))


def _features(axes: Axes, rows: Rows) -> None:
    _title(axes, "More features, closer to softmax", _held(rows, "patterns", "dimension"))
    for colour, length, part in _groups(rows, "length"):
        _errorbars(axes, part, "num_features", "error", color=colour, marker="o")
        last = part[-1]
        _name(axes, last["num_features"], last["error"]["mean"], f"length {length:g}", colour)
    sizes = np.array(sorted({row["num_features"] for row in rows}), float)
    start = min(row["error"]["mean"] for row in rows if row["num_features"] == sizes[0])
    axes.plot(sizes, start * np.sqrt(sizes[0] / sizes), color=_INK, lw=1, ls=":")
    axes.annotate(r"$1/\sqrt{r}$", (sizes[1], start * (sizes[0] / sizes[1]) ** 0.5), color=_INK,
                  xytext=(-4, -16), textcoords="offset points", ha="right")  # fmt: skip
    axes.set(xscale="log", yscale="log", xlabel="random features r",
             ylabel="distance from softmax's answer")  # fmt: skip
    _ticks(axes.xaxis, sizes)
    _ticks(axes.yaxis, [0.05, 0.1, 0.2, 0.5, 1.0])


def _counts(axes: Axes, rows: Rows) -> None:
    _found(axes, rows, "patterns", "patterns stored, M")
    _title(axes, "How many patterns it holds", _held(rows, "dimension", "length"))
    axes.set(xscale="log")
    _ticks(axes.xaxis, sorted({row["patterns"] for row in rows}))


def _dimensions(axes: Axes, rows: Rows) -> None:
    _found(axes, rows, "dimension", "dimension of the patterns, d")
    _title(axes, "How wide they may be", _held(rows, "patterns", "length"))
    axes.set(xscale="log")
    _ticks(axes.xaxis, sorted({row["dimension"] for row in rows}))


def _ages(axes: Axes, rows: Rows) -> None:
    held = _held(rows, "num_features", "length")
    _title(axes, "What the discount forgets", f"{held}; dashed: softmax, discounted alike")
    for colour, tau, part in _groups(rows, "tau"):
        _errorbars(axes, part, "age", "found", color=colour, marker="o")
        ages = [row["age"] for row in part]
        axes.plot(ages, [row["found_exactly"]["mean"] for row in part], color=colour, ls="--", lw=1)
        _name(axes, ages[-1], part[-1]["found"]["mean"], rf"$\tau$ = {tau:g}", colour)
    _fraction_axis(axes, "patterns stored since")


def _found(axes: Axes, rows: Rows, x: str, label: str) -> None:
    """Patterns found by memories of several sizes, and by softmax over all of them."""
    for colour, size, part in _groups(rows, "num_features"):
        _errorbars(axes, part, x, "found", color=colour, marker="o")
        _name(axes, part[-1][x], part[-1]["found"]["mean"], f"r = {size}", colour)
    _errorbars(axes, part, x, "found_exactly", color=_INK, ls="--")
    _name(axes, part[-1][x], part[-1]["found_exactly"]["mean"], "softmax", _INK)
    _fraction_axis(axes, label)


def _fraction_axis(axes: Axes, label: str) -> None:
    axes.set(xlabel=label, ylabel="patterns found", ylim=(-0.03, 1.08))
    axes.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))


def _groups(rows: Rows, key: str):
    """Colour, value and rows of each value of `key`."""
    colours = _OF_SIZES if key == "num_features" else _OF_OTHERS
    for index, value in enumerate(sorted({row[key] for row in rows})):
        yield colours[index % len(colours)], value, [row for row in rows if row[key] == value]


def _errorbars(axes: Axes, rows: Rows, x: str, y: str, **style: Any) -> None:
    means, deviations = (np.array([row[y][key] for row in rows]) for key in ("mean", "std"))
    # Not below zero: no fraction and no distance is, and axes may be logarithmic.
    low = np.minimum(deviations, 0.9 * means)
    high = np.minimum(deviations, 1.0 - means) if y.startswith("found") else deviations
    axes.errorbar([row[x] for row in rows], means, yerr=[low, high],
                  **{"ms": 4, "lw": 1.8, "elinewidth": 0.9, "capsize": 2} | style)  # fmt: skip


def _name(axes: Axes, x: float, y: float, text: str, colour: str) -> None:
    axes.annotate(text, (x, y), xytext=(7, 0), textcoords="offset points", va="center",
                  color=colour, annotation_clip=False)  # fmt: skip


def _bound(axes: Axes, x: float, y: float, text: str) -> None:
    """A vertical line at x, its name next to it at the height y, a fraction of the axes."""
    axes.axvline(x, color=_SOFT, lw=1, ls=(0, (2, 2)), zorder=0)
    axes.annotate(text, (x, y), xycoords=("data", "axes fraction"), xytext=(-3, 0), ha="right",
                  va="center", textcoords="offset points", color=_SOFT, fontsize=8.5,
                  rotation=90)  # fmt: skip


def _held(rows: Rows, *keys: str) -> str:
    words = {"patterns": "{} patterns", "dimension": "d = {}", "length": "length {:g}",
             "num_features": "r = {}"}  # fmt: skip
    return ", ".join(words[key].format(rows[0][key]) for key in keys)


def _title(axes: Axes, title: str, subtitle: str) -> None:
    axes.set_title(title)
    axes.annotate(subtitle, (0, 1), xycoords="axes fraction", xytext=(0, 8),
                  textcoords="offset points", color=_SOFT)  # fmt: skip


def _ticks(axis: Any, values: Sequence[float]) -> None:
    axis.set_ticks(values)
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
