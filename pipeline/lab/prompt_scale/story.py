"""The story of `mnemosyne bench prompt`: each size and optimizer in a process of its own.

What does not fit into the memory that is free is not begun, and said so.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

from tabulate import tabulate

from models.t5 import T5Config
from pipeline.lab import figures_file, step_process
from pipeline.lab.prompt_scale.one_step import PROMPT, WHOLE, StepSettings
from pipeline.optimizers.table import display_name
from pipeline.weights.t5.names import t5_shapes

_ONE_STEP = "pipeline.lab.prompt_scale.one_step"
COLUMNS = ("T5", "trained", "optimizer", "weights that train", "weights GB", "state kB", "held GB",
           "peak GB", "step s")  # fmt: skip
# Bytes a weight at the peak of a step: bfloat16 and its copies; or, of whole models, what vision
# transformers were measured to take (docs/vision.md). And room for activations.
_BYTES_A_WEIGHT, _ROOM = {PROMPT: 8, WHOLE: 26}, 1e9


def run(
    sizes: Sequence[str],
    optimizers: Sequence[str],
    trains: Sequence[str],
    *,
    output: str | None = None,
    **settings,
) -> None:
    """Prints the table, a row as soon as it is there, and writes the JSON.

    Args:
      sizes: of the T5.
      optimizers: names in a recipe.
      trains: "prompt", "whole" or both.
      output: JSON to write, or None.
      **settings: others of `StepSettings`.
    """
    rows, missing = [], []
    wanted = [(size, what, name) for size in sizes for what in trains for name in optimizers]
    for size, what, optimizer in wanted:
        one = StepSettings(size=size, optimizer=optimizer, trains=what, **settings)
        found, reason = step_process.measured(_ONE_STEP, one, bytes_needed=bytes_needed(one))
        if found is None:
            missing.append({**dataclasses.asdict(one), "reason": reason})
            print(f"{size}, {what}, {display_name(optimizer)}: {reason}", flush=True)
        else:
            rows.append(found)
            print(table(rows[-1:]), flush=True)
        if output:
            content = {"rows": rows, "not_measured": missing}
            figures_file.save(output, content, versions_of=("tensorflow", "tf-keras"))
    if rows:
        print(f"\n{table(rows)}")
    print(f"measured {len(rows)} of {len(wanted)}")


def bytes_needed(settings: StepSettings) -> float:
    """Returns a little more than what a step takes at its peak, by arithmetic."""
    shapes = t5_shapes(T5Config.named(settings.size))
    weights = sum(math.prod(shape) for _, shape in shapes)
    return _BYTES_A_WEIGHT[settings.trains] * weights + _ROOM


def table(rows: Sequence[Mapping]) -> str:
    """The figures of some rows as Markdown."""
    return tabulate([_cells(row) for row in rows], COLUMNS, tablefmt="pipe", disable_numparse=True)


def _cells(row: Mapping) -> list[str]:
    peak = row["peak_bytes"]
    return [
        row["size"],
        row["trains"],
        display_name(row["optimizer"]),
        f"{row['trained']:,}",
        f"{row['weight_bytes'] / 1e9:.2f}",
        f"{row['state_bytes'] / 1e3:,.0f}",
        f"{row['held_bytes'] / 1e9:.2f}",
        "-" if peak is None else f"{peak / 1e9:.2f}",
        f"{row['step_seconds']:.2f}",
    ]
