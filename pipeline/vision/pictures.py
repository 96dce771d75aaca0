"""The pictures of a report: curves, the confusion matrix, misclassified images, as PNG bytes."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pipeline.vision.images.image_set import ImageSet

_MOST_SHOWN = 24
_COLUMNS = 6
_MOST_NUMBERED = 20  # classes of a matrix whose cells have room for a number
_LONGEST_NAME = 18


def curves(epochs: Sequence[Mapping]) -> bytes:
    """Losses and accuracy by epoch."""
    figure = Figure(figsize=(9, 3), layout="constrained")
    losses, accuracies = figure.subplots(1, 2)
    numbers = [row["epoch"] for row in epochs]
    for axes, kind in ((losses, "loss"), (accuracies, "accuracy")):
        for split, words in (("train", "training, while it learns"), ("heldout", "held-out")):
            axes.plot(numbers, [row[f"{split}_{kind}"] for row in epochs], marker="o", label=words)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    losses.set_ylabel("nats")
    accuracies.set_ylabel("accuracy")
    accuracies.legend()
    return _png(figure)


def confusion(matrix: Sequence[Sequence[int]], classes: Sequence[str]) -> bytes:
    """Rows are what the images are, columns what was predicted; colours are fractions of a row."""
    counts = np.asarray(matrix)
    fractions = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    side = min(12.0, 3.5 + 0.4 * len(classes))
    figure = Figure(figsize=(side, side * 0.9), layout="constrained")
    axes = figure.subplots()
    axes.imshow(fractions, cmap="Blues", vmin=0, vmax=1)
    if len(classes) <= _MOST_NUMBERED:
        _write_numbers(axes, counts, fractions)
        names = [_short(name) for name in classes]
        axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
        axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("is")
    return _png(figure)


def _write_numbers(axes, counts: np.ndarray, fractions: np.ndarray) -> None:
    for (row, column), count in np.ndenumerate(counts):
        if count:
            colour = "white" if fractions[row, column] > 0.5 else "black"
            axes.text(column, row, f"{count:,}", ha="center", va="center", color=colour, size=8)


def misclassified(data: ImageSet, logits: np.ndarray) -> bytes | None:
    """The wrong answers that the model was surest of, or None without any.

    Args:
      data: with the held-out images.
      logits: of them, float32 `[count, classes]`.
    """
    guesses = logits.argmax(-1)
    largest = logits.max(-1, keepdims=True)
    sureness = 1.0 / np.exp(logits - largest).sum(-1)
    wrong = np.flatnonzero(guesses != data.heldout.labels)
    wrong = wrong[np.argsort(-sureness[wrong], kind="stable")][:_MOST_SHOWN]
    if not len(wrong):
        return None
    rows = -(-len(wrong) // _COLUMNS)
    figure = Figure(figsize=(1.6 * _COLUMNS, 2.0 * rows), layout="constrained")
    grid = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
    for axes in grid:
        axes.axis("off")
    for axes, i in zip(grid, wrong, strict=False):
        axes.imshow(data.heldout.images[i].squeeze(), cmap="gray", vmin=0, vmax=255)
        is_class, guess = (_short(data.classes[k]) for k in (data.heldout.labels[i], guesses[i]))
        axes.set_title(f"says {guess} ({sureness[i]:.0%})\nis {is_class}", size=8, parse_math=False)
    return _png(figure)


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()
