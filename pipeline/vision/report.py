"""`report.html`: one page without scripts or outside parts about one run."""

from __future__ import annotations

import base64
from collections.abc import Mapping

import jinja2
import numpy as np

from pipeline.recipes.loader import differences
from pipeline.vision import pictures, results
from pipeline.vision.images.image_set import ImageSet


def render(outcome: Mapping, data: ImageSet, logits: np.ndarray) -> str:
    """Returns the page.

    Args:
      outcome: content of `results.json`.
      data: its images.
      logits: of the held-out ones, float32 `[count, classes]`.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pipeline.vision", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    shown = [
        ("Curves", "", pictures.curves(outcome["epochs"])),
        (
            "Confusion matrix",
            "held-out images; colours are fractions of a row",
            pictures.confusion(outcome["confusion"], data.classes),
        ),
    ]
    if wrong := pictures.misclassified(data, logits):
        shown.append(("Misclassified", "the wrong answers that the model was surest of", wrong))
    return environment.get_template("vit.html").render(
        title=results.title(outcome),
        outcome=outcome,
        pictures=[
            (heading, note, base64.b64encode(picture).decode()) for heading, note, picture in shown
        ],
        rejects=data.rejects,
        settings=[row.split(": None -> ") for row in differences({}, outcome["settings"])],
    )
