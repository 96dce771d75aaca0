"""What came out: `results.json`, the same as a table in `results.md`, and `predictions.tsv`."""

from __future__ import annotations

import collections
import importlib.metadata
import json
from collections.abc import Mapping, Sequence

import numpy as np
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support
from tabulate import tabulate

from data_prep import storage
from pipeline.optimizers.table import display_name
from pipeline.vision.images.image_set import ImageSet

_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
_PACKAGES = ("tensorflow", "tf-keras", "pillow", "mnemosyne-bert")


def make_results(
    *,
    header: Mapping,
    data: ImageSet,
    origin: str,
    parameters: Mapping[str, int],
    epochs: Sequence[Mapping],
    logits: np.ndarray,
) -> dict:
    """Returns the content of `results.json`.

    Args:
      header: what the run was begun with.
      data: its images.
      origin: of the weights, in words.
      parameters: "all" and "trained" weights.
      epochs: a row for each.
      logits: of the held-out images, float32 `[count, classes]`.
    """
    labels, predictions = data.heldout.labels, logits.argmax(-1)
    numbers = np.arange(len(data.classes))
    precision, recall, _, counts = precision_recall_fscore_support(
        labels, predictions, labels=numbers, zero_division=0.0
    )
    return {
        "kind": "vit",
        **header,
        "origin": origin,
        "parameters": dict(parameters),
        "accuracy": float((predictions == labels).mean()),
        "right": int((predictions == labels).sum()),
        "train_images": len(data.train),
        "heldout_images": len(data.heldout),
        "rejects": dict(collections.Counter(each.reason for each in data.rejects)),
        "epochs": list(epochs),
        "classes": [
            {
                "name": name,
                "images": int(counts[i]),
                "precision": float(precision[i]),
                "recall": float(recall[i]),
            }
            for i, name in enumerate(data.classes)
        ],
        # Rows are what the images are, columns what was predicted.
        "confusion": confusion_matrix(labels, predictions, labels=numbers).tolist(),
        "versions": {name: _version(name) for name in _PACKAGES},
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None  # run from a source folder


def as_json(results: Mapping) -> str:
    """The text of `results.json`."""
    return json.dumps(results, indent=2, ensure_ascii=False) + "\n"


def title(results: Mapping) -> str:
    """What was trained on what, in one line."""
    settings = results["settings"]
    words = {"probe": "linear probe", "whole": "whole model", "layer_decay": "layer-wise decay"}
    return (
        f"{results['images']}: {words[settings['mode']]} from {results['origin']} with "
        f"{display_name(settings['optimizer'])}"
    )


def last_line(results: Mapping, path: str) -> str:
    """The outcome, in one line."""
    rejected = sum(results["rejects"].values())
    more = f"; {rejected:,} files rejected" if rejected else ""
    return (
        f"mnemosyne vit: accuracy {results['accuracy']:.2%} on {results['heldout_images']:,} "
        f"held-out images of {len(results['classes'])} classes after "
        f"{len(results['epochs'])} epochs{more}; report in {path}"
    )


def markdown(results: Mapping) -> str:
    """`results.md`: the outcome, a table of classes and a table of epochs."""
    classes = [
        [each["name"], f"{each['images']:,}", _percent(each["precision"]), _percent(each["recall"])]
        for each in results["classes"]
    ]
    epochs = [
        [
            row["epoch"],
            f"{row['train_loss']:.4f}",
            f"{row['heldout_loss']:.4f}",
            _percent(row["heldout_accuracy"]),
            f"{row['seconds']:.0f}",
        ]
        for row in results["epochs"]
    ]
    rejects = ", ".join(f"{reason} {count:,}" for reason, count in results["rejects"].items())
    parts = [
        f"# {title(results)}",
        f"Accuracy {_percent(results['accuracy'])} %: {results['right']:,} of "
        f"{results['heldout_images']:,} held-out images; trained on {results['train_images']:,}; "
        f"{results['parameters']['trained']:,} of {results['parameters']['all']:,} weights "
        f"trained. Rejected files: {rejects or 'none'}.",
        _table(classes, ["class", "images", "precision %", "recall %"]),
        _table(epochs, ["epoch", "train loss", "held-out loss", "accuracy %", "seconds"]),
    ]
    return "\n\n".join(parts) + "\n"


def predictions_tsv(data: ImageSet, logits: np.ndarray) -> str:
    """A line for each held-out image: its name, its class, the predicted one, its probability."""
    lines = ["image\tclass\tprediction\tprobability"]
    for name, label, row in zip(data.heldout.names, data.heldout.labels, logits, strict=True):
        guess = int(row.argmax())
        probability = 1.0 / np.exp(row - row.max()).sum()
        cells = (name, data.classes[label], data.classes[guess])
        lines.append("\t".join([*map(_cell, cells), f"{probability:.4f}"]))
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    """Escapes what would break a line or a column; files and folders may be called anything."""
    return storage.printable(text.translate(_ESCAPES))


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2f}"


def _table(rows: Sequence[Sequence], heads: Sequence[str]) -> str:
    return tabulate(
        rows,
        heads,
        tablefmt="pipe",
        colalign=["left", *["right"] * (len(heads) - 1)],
        disable_numparse=True,
    )
