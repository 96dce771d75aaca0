"""The story of `mnemosyne bench train --packed`: useful tokens per CPU second, packed and not."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from tabulate import tabulate

from data_prep import features as records
from models import BertConfig
from pipeline.data.training_data import TrainingData
from pipeline.lab.prepare import processor
from pipeline.lab.side_by_side.running_program import RunningProgram, Turn, one_core
from pipeline.lab.side_by_side.table import save
from pipeline.lab.side_by_side.turns import cpu_seconds, take_turns
from pipeline.lab.train_speed import batches, story, table
from pipeline.lab.train_speed.contestants import contestants
from pipeline.lab.train_speed.story import Settings
from pipeline.recipes import loader

UNPACKED, PACKED = "unpacked", "packed"
# What is set in the recipe.
_SETTINGS = {UNPACKED: (), PACKED: ("train.packing=true",)}
_RECIPE = "bert_tiny_adamw"
_NUM_COUNTED = 200
_HEADERS = (
    "rows",
    "useful tokens/CPU s",
    "times unpacked",
    "useful tokens a row",
    "of the row",
    "sequences a row",
    "CPU s/step",
)


@dataclasses.dataclass(frozen=True)
class Fill:
    """Means of a row: its positions, those that hold a token, its sequences."""

    positions: int
    useful_tokens: float
    sequences: float


def run(settings: Settings, data_dir: str, output: str | None = None) -> None:
    """Prints the table and writes the JSON.

    Args:
        settings: of the measurement; the first size, dropout and cores. Length, predictions and
            vocabulary are those of the records.
        data_dir: finished records.
        output: JSON to write, or None.

    Raises:
        ValueError: a program failed, or the records cannot be packed.
    """
    print(f"processor: {processor.name()}")
    manifest = records.load_manifest(data_dir)
    core = one_core(settings.core) if settings.cores[0] == story.ONE_CORE else None
    (ours,) = contestants(baseline=None, pythons={}, with_helped=False, with_mnemosyne=False)
    with tempfile.TemporaryDirectory() as scratch, contextlib.ExitStack() as stack:
        programs, fill = {}, {}
        for name, overrides in _SETTINGS.items():
            print(f"BERT-{settings.sizes[0]}: {name}", file=sys.stderr)
            recipe = _recipe(settings, manifest, overrides)
            features, fill[name] = recorded_batches(recipe, manifest, data_dir)
            training = story.training_settings(
                _bert_config(recipe),
                dropout=settings.dropout[0],
                batches_file=batches.save(features, scratch, name),
            )
            program = RunningProgram(ours, training, core=core, scratch=scratch)
            programs[name] = stack.enter_context(program)
        turns = take_turns(programs, rounds=settings.rounds, steps=settings.steps)
    case = {
        "size": settings.sizes[0],
        "dropout": settings.dropout[0],
        "cores": "all cores" if core is None else "one core",
        "batch_size": settings.batch_size,
        "seq_len": fill[UNPACKED].positions,
        "programs": figures(turns, fill, batch_size=settings.batch_size),
    }
    print(_table(case))
    if output:
        save(output, "train", [case], dataclasses.asdict(settings) | {"packed": data_dir})
    gain = case["programs"][PACKED]["times_unpacked"]
    print(f"packed rows train {gain:.2f}x the useful tokens per CPU second")


def recorded_batches(
    recipe: loader.Recipe, manifest: records.Manifest, data_dir: str
) -> tuple[dict[str, np.ndarray], Fill]:
    """Returns the first training batches of a recipe, and how full many of them are.

    Returns:
        Arrays `[batches, batch, ...]`, and the means over the first `_NUM_COUNTED` batches: the
        few that are trained on are no sample of the lengths, and a step costs the same with any.
    """
    dataset = TrainingData(recipe, manifest, data_dir).train_batches(first_step=0)
    counted = list(itertools.islice(dataset.as_numpy_iterator(), _NUM_COUNTED))
    first = counted[: batches.NUM_BATCHES]
    masks = np.stack([batch["input_mask"] for batch in counted])
    fill = Fill(
        positions=masks.shape[-1],
        useful_tokens=float(np.count_nonzero(masks, axis=-1).mean()),
        sequences=float(masks.max(axis=-1).mean()),
    )
    return {name: np.stack([batch[name] for batch in first]) for name in first[0]}, fill


def figures(
    turns: Mapping[str, Sequence[Turn]], fill: Mapping[str, Fill], *, batch_size: int
) -> dict[str, dict[str, Any]]:
    """Returns the figures of both, medians over the rounds.

    Returns:
        By name: `useful_tokens_per_cpu_second`; `times_unpacked`, the median of the ratios of the
        same round; `cpu_seconds` of a step; `peak_mb`; what is in `fill`; `turns`.
    """
    found: dict[str, dict[str, Any]] = {}
    rates = {}
    for name, of_a_row in fill.items():
        cpu = np.array(cpu_seconds(turns[name]))
        rates[name] = batch_size * of_a_row.useful_tokens / cpu
        found[name] = {
            "useful_tokens_per_cpu_second": float(np.median(rates[name])),
            "times_unpacked": float(np.median(rates[name] / rates[UNPACKED])),
            "cpu_seconds": float(np.median(cpu)),
            "peak_mb": turns[name][-1].peak_mb,
            **dataclasses.asdict(of_a_row),
            "turns": [vars(turn) for turn in turns[name]],
        }
    return found


def _recipe(
    settings: Settings, manifest: records.Manifest, overrides: Sequence[str]
) -> loader.Recipe:
    return loader.load_recipe(
        _RECIPE,
        [
            f"model.size={settings.sizes[0]}",
            f"vocab.vocab_size={manifest.vocab['size']}",
            f"prepare.max_seq_length={manifest.settings['max_seq_length']}",
            f"prepare.max_predictions_per_seq={manifest.settings['max_predictions_per_seq']}",
            f"train.global_batch_size={settings.batch_size}",
            *overrides,
        ],
    )


def _bert_config(recipe: loader.Recipe) -> BertConfig:
    return BertConfig.named(
        recipe.model.size,
        vocab_size=recipe.vocab.vocab_size,
        max_position_embeddings=recipe.model.num_positions(recipe.prepare.max_seq_length),
    )


def _table(case: Mapping[str, Any]) -> str:
    rows = [
        (
            name,
            f"{each['useful_tokens_per_cpu_second']:,.0f}",
            f"{each['times_unpacked']:.2f}",
            f"{each['useful_tokens']:.1f}",
            f"{each['useful_tokens'] / each['positions']:.1%}",
            f"{each['sequences']:.2f}",
            f"{each['cpu_seconds']:.3f}",
        )
        for name, each in case["programs"].items()
    ]
    align = ("left", *["right"] * (len(_HEADERS) - 1))
    body = tabulate(rows, _HEADERS, "plain", disable_numparse=True, colalign=align)
    return f"{table.title(case)}\n{body}"
