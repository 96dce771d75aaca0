"""What the tensors of an ONNX file do not say: heads, epsilon, activation and normalisation.

They are in files of Hugging Face in the same folder or the one above, as its hubs have them;
the epsilon is in the graph. What is in neither is that of the published models of this width.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

from models.bert_config import GELU_FORMS
from models.vit import SIZES
from pipeline.vision.weights.preprocessor import read_normalisation
from pipeline.vision.weights.vision_weights import HALF, IMAGENET, Normalisation
from pipeline.weights.json_file import read_json

CONFIG = "config.json"
_PUBLISHED_HEADS = {size["hidden_dim"]: size["num_heads"] for size in SIZES.values()}
_PUBLISHED_EPSILON = {"vit": 1e-12, "dinov2": 1e-6}
_PUBLISHED_NORMALISATION = {"vit": HALF, "dinov2": IMAGENET}


@dataclasses.dataclass(frozen=True)
class OnnxSettings:
    """How the tensors of a file are to be computed with.

    Attributes:
      num_heads: of attention.
      layer_norm_epsilon: of every layer norm.
      hidden_act: the activation.
      normalisation: of the images.
      note: all of it, in words.
    """

    num_heads: int
    layer_norm_epsilon: float
    hidden_act: str
    normalisation: Normalisation
    note: str


def find_settings(path: str, graph: Any, *, kind: str, width: int, prefix: str) -> OnnxSettings:
    """Returns the settings of a backbone.

    Args:
      path: of the file.
      graph: of the file.
      kind: "vit" or "dinov2".
      width: of its hidden states.
      prefix: of the names of its tensors.

    Raises:
      ValueError: nothing says how many heads there are, or a file beside it is damaged.
    """
    folder, config = _beside(path, kind, width)
    heads = config.get("num_attention_heads", _PUBLISHED_HEADS.get(width))
    if not isinstance(heads, int) or heads < 1 or width % heads:
        raise ValueError(
            f"{path}: expected a width of {', '.join(map(str, sorted(_PUBLISHED_HEADS)))}, whose "
            f"number of heads is known, or num_attention_heads in a {CONFIG} beside the file, "
            f"received a width of {width} and {heads} heads. Copy the model's {CONFIG} beside it."
        )
    epsilon = _epsilon(graph, prefix, path) or config.get(
        "layer_norm_eps", _PUBLISHED_EPSILON[kind]
    )
    if not isinstance(epsilon, (int, float)) or not epsilon > 0:
        raise ValueError(
            f"{os.path.join(folder, CONFIG)}: expected layer_norm_eps above 0, received {epsilon!r}"
        )
    activation = config.get("hidden_act", "gelu")
    if activation not in GELU_FORMS:
        raise ValueError(
            f"{os.path.join(folder, CONFIG)}: expected hidden_act {' or '.join(GELU_FORMS)}, "
            f"received {activation!r}"
        )
    normalisation = read_normalisation(folder, _PUBLISHED_NORMALISATION[kind])
    mean, deviation = (
        ", ".join(f"{each:.3g}" for each in values)
        for values in (normalisation.mean, normalisation.deviation)
    )
    source = f"by {os.path.join(folder, CONFIG)}" if config else "as published ones of this width"
    note = (
        f"read as {heads} heads of {width // heads} {source}; {activation}, epsilon {epsilon:g}; "
        f"pixels normalised by means {mean} and deviations {deviation}"
    )
    return OnnxSettings(heads, epsilon, activation, normalisation, note)


def _beside(path: str, kind: str, width: int) -> tuple[str, Mapping]:
    """Returns the folder of the model's settings, and them; those of another model do not count."""
    own = os.path.dirname(path) or "."
    for folder in (own, os.path.join(own, os.pardir)):
        if not os.path.isfile(os.path.join(folder, CONFIG)):
            continue
        config = read_json(os.path.join(folder, CONFIG))
        if (config.get("model_type"), config.get("hidden_size")) == (kind, width):
            return folder, config
    return own, {}


def _epsilon(graph: Any, prefix: str, path: str) -> float | None:
    """Returns that of the layer norms; None where the exporter took them apart."""
    found = set()
    for node in graph.node:
        if node.op_type == "LayerNormalization" and node.input[1].startswith(f"{prefix}encoder."):
            # 1e-5 is what ONNX means where a node says nothing.
            values = [each.f for each in node.attribute if each.name == "epsilon"]
            found.add(float(f"{values[0]:.6g}") if values else 1e-5)
    if len(found) > 1:
        raise ValueError(
            f"{path}: expected one epsilon of all layer norms, received "
            f"{', '.join(f'{each:g}' for each in sorted(found))}"
        )
    return found.pop() if found else None
