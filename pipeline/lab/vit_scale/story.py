"""The story of `mnemosyne bench vit`: each size and optimizer in a process of its own, one table.

What does not fit into the memory that is free is not begun, and said so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from tabulate import tabulate

from models.vit import ViTConfig
from pipeline.lab import figures_file, step_process
from pipeline.lab.vit_scale.one_step import StepSettings
from pipeline.optimizers.table import display_name
from pipeline.vision.weights.tensors import tensor_shapes

_ONE_STEP = "pipeline.lab.vit_scale.one_step"
COLUMNS = ("ViT", "optimizer", "weights", "state bytes a weight", "held GB", "peak GB",
           "times its weights", "step s", "update %")  # fmt: skip
# Bytes a weight at the peak, those of AdamW on ViT-L (docs/vision.md): weight, gradient and two
# accumulators are 16, buffers of TensorFlow the rest.
_BYTES_A_WEIGHT = 26
# Vectors of the model's width that a block keeps of a token for its gradients: inputs and outputs
# of two norms, query, key, value and what attention brings, and 4 + 4 of the feed-forward layer,
# before and behind its activation. Of attention, scores and probabilities of every head.
_VECTORS_A_TOKEN, _MATRICES_A_HEAD = 16, 2
_BYTES_A_VALUE = {"float32": 4, "bfloat16": 2}


def run(
    sizes: Sequence[str], optimizers: Sequence[str], *, output: str | None = None, **settings
) -> None:
    """Prints the table, a row as soon as it is there, and writes the JSON.

    Args:
      sizes: of the model.
      optimizers: names in a recipe.
      output: JSON to write, or None.
      **settings: others of `StepSettings`.
    """
    rows, missing = [], []
    for size in sizes:
        for optimizer in optimizers:
            one = StepSettings(size=size, optimizer=optimizer, **settings)
            found, reason = step_process.measured(_ONE_STEP, one, bytes_needed=bytes_needed(one))
            if found is None:
                missing.append({"size": size, "optimizer": optimizer, "reason": reason})
                print(f"{size}, {display_name(optimizer)}: {reason}", flush=True)
            else:
                rows.append(found)
                print(table(rows[-1:]), flush=True)
            if output:
                content = {"rows": rows, "not_measured": missing}
                figures_file.save(output, content, versions_of=("tensorflow", "tf-keras"))
    if rows:
        print(f"\n{table(rows)}")
    print(f"measured {len(rows)} of {len(rows) + len(missing)}")


def bytes_needed(settings: StepSettings) -> float:
    """Returns a little more than what a step takes at its peak, by arithmetic."""
    config = ViTConfig.named(settings.size)
    shapes = tensor_shapes(config, settings.classes)
    weights = sum(math.prod(shape) for _, shape in shapes)
    return _BYTES_A_WEIGHT * weights + _activation_bytes(config, settings)


def _activation_bytes(config: ViTConfig, settings: StepSettings) -> int:
    tokens = config.num_tokens(settings.resolution, settings.resolution)
    scores = _MATRICES_A_HEAD * config.num_heads * tokens
    block = _VECTORS_A_TOKEN * config.hidden_dim + scores
    # Computed again, a block keeps its input, and one block at a time all the rest.
    values = config.num_layers * block
    if settings.recompute:
        values = config.num_layers * config.hidden_dim + block
    return settings.batch_size * tokens * values * _BYTES_A_VALUE[settings.precision]


def table(rows: Sequence[Mapping]) -> str:
    """The figures of some rows as Markdown."""
    return tabulate([_cells(row) for row in rows], COLUMNS, tablefmt="pipe", disable_numparse=True)


def _cells(row: Mapping) -> list[str]:
    weights, peak = row["weights"], row["peak_bytes"]
    return [
        row["size"],
        display_name(row["optimizer"]),
        f"{weights:,}",
        f"{row['state_bytes'] / weights:.2f}",
        f"{row['held_bytes'] / 1e9:.2f}",
        "-" if peak is None else f"{peak / 1e9:.2f}",
        "-" if peak is None else f"{peak / (4 * weights):.2f}",
        f"{row['step_seconds']:.2f}",
        "-" if row["update_fraction"] is None else f"{100 * row['update_fraction']:.0f}",
    ]
