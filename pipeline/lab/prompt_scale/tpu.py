"""The story of `mnemosyne bench prompt --tpu`: a prompt step of a T5 compiled from shapes alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tf_keras as keras
from tabulate import tabulate

from models.t5 import T5Config
from pipeline.lab import figures_file
from pipeline.lab.prompt_scale.prompt_program import PromptBatch, lowered_step
from pipeline.lab.tpu_compiler import compiler_for
from pipeline.optimizers.from_recipe import make_optimizer
from pipeline.optimizers.table import MNEMOSYNE, OPTIMIZER_TABLE, display_name
from pipeline.recipes.sections import OptimizerConfig

_STEPS, _LABELS = 1_000, 32
COLUMNS = ("T5", "optimizer", "rows", "weights MB", "temporaries MB", "TFLOP a step",
           "optimizer's state kB", "compiled in CPU s")  # fmt: skip


def run(
    sizes: Sequence[str],
    optimizers: Sequence[str],
    *,
    tpu: str,
    batch: PromptBatch,
    output: str | None = None,
) -> None:
    """Compiles the step of every size and optimizer, prints the table and writes the JSON.

    Args:
      sizes: of the T5, as of `T5Config.named`.
      optimizers: names in a recipe.
      tpu: a key of `tpu_topologies.TOPOLOGIES`.
      batch: of the step.
      output: the file, or None.

    Raises:
      ValueError: the packages of the extra are not installed.
    """
    compile_for_tpu = compiler_for(tpu)
    rows: list[dict[str, Any]] = []
    for size in sizes:
        for optimizer in optimizers:
            config = T5Config.named(size)
            text, state = lowered_step(config, batch, optimizer_of(optimizer), "bfloat16")
            figures = compile_for_tpu(text)
            found = {"size": size, "optimizer": optimizer, "rows": batch.rows, "state_bytes": state}
            rows.append(found | figures)
            print(_table(rows[-1:]), flush=True)
            if output:
                settings = {"tpu": tpu, "text": batch.text, "answer": batch.answer}
                settings |= {"prompt": batch.prompt, "steps": rows}
                figures_file.save(output, settings, versions_of=("tensorflow", "tf-keras"))
    print(
        f"\n{_table(rows)}\n\none chip of TPU {tpu}, bfloat16 weights; {batch.prompt} vectors and "
        f"{batch.text} tokens in, {batch.answer} out"
    )


def optimizer_of(name: str) -> keras.optimizers.Optimizer:
    """An optimizer of a recipe; the rate changes neither memory nor time."""
    rate = None if name == MNEMOSYNE.name else min(OPTIMIZER_TABLE[name].sweep_rates)
    return make_optimizer(OptimizerConfig(name=name, learning_rate=rate), _STEPS, _LABELS)


def _table(rows) -> str:
    return tabulate([_cells(row) for row in rows], COLUMNS, tablefmt="pipe", disable_numparse=True)


def _cells(row) -> list[str]:
    return [
        row["size"],
        display_name(row["optimizer"]),
        str(row["rows"]),
        f"{row['argument_bytes'] / 1e6:,.0f}",
        f"{row['temp_bytes'] / 1e6:,.0f}",
        f"{row['flops'] / 1e12:,.2f}",
        f"{row['state_bytes'] / 1e3:,.0f}",
        f"{row['cpu_seconds']:,.0f}",
    ]
