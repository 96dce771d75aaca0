"""The story of `mnemosyne bench vit_speed`: images per CPU second, ours and others'."""

from __future__ import annotations

import dataclasses
import math
import os
import pathlib
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from models.vit import ViTConfig
from pipeline.lab.prepare import processor
from pipeline.lab.side_by_side import contestant, peers, same_training
from pipeline.lab.side_by_side.contestant import ADAMW, Contestant
from pipeline.lab.side_by_side.running_program import RunningProgram, Turn, one_core, running
from pipeline.lab.side_by_side.table import last_line, program_table, save
from pipeline.lab.side_by_side.turns import program_figures, take_turns
from pipeline.vision.images.sources import ROOM_FOR_CROPS

IMAGES = "our images alone"
PEERS = ("keras_hub", "hf_tf")
_NUM_CLASSES = 10
_BATCHES = 4  # of different images
_BATCHES_A_STEP = 32  # of the program that makes them alone
# A head of Glorot's weights on normalised tokens has logits of a variance of up to 2: a loss of up
# to 1 nat more in the mean, with a deviation of up to 1.4 an image.
_MOST_LOSS_DIFFERENCE = 2.5
# Header, key, format.
_COLUMNS = (
    ("images/CPU s", "examples_per_cpu_second", ".1f"),
    ("CPU s/step", "cpu_seconds", ".3f"),
    ("times ours", "times_ours", ".3f"),
    ("wall s/step", "wall_seconds", ".3f"),
    ("peak MB", "peak_mb", ",.0f"),
)


@dataclasses.dataclass(frozen=True)
class Settings:
    """Settings of the measurement; each is a flag of the same name.

    Attributes:
        sizes: of vision transformers, as of `ViTConfig.named`.
        resolution: pixels of a side.
        batch_size: images of every step.
        keras_hub, hf_tf: a Python that has the library, or None.
        mnemosyne: whether to measure ours with the optimizer Mnemosyne, too.
        rounds: turns of each program, of which the medians count.
        steps: of a turn.
        core: number of the one core; None is the last one.
    """

    sizes: Sequence[str] = ("Ti/16",)
    resolution: int = 224
    batch_size: int = 8
    keras_hub: str | None = None
    hf_tf: str | None = None
    mnemosyne: bool = False
    rounds: int = 5
    steps: int = 4
    core: int | None = None


def run(settings: Settings, output: str | None = None) -> None:
    """Prints a table for each size and writes the JSON.

    Args:
        settings: of the measurement.
        output: JSON to write, or None.

    Raises:
        ValueError: a program failed, or trains another model or loss.
    """
    print(f"processor: {processor.name()}")
    cases = []
    for size in settings.sizes:
        cases.append(_case(settings, size))
        print(table(cases[-1]), flush=True)
    if output:
        save(output, "vit_speed", cases, dataclasses.asdict(settings))
    print(last_line([(f"ViT-{case['size']}", case["programs"]) for case in cases]))


def contestants(settings: Settings) -> list[Contestant]:
    """Returns the programs in the order of the table, ours first."""
    ours, *mnemosyne = contestant.ours(_program("mnemosyne"), with_mnemosyne=settings.mnemosyne)
    images = dataclasses.replace(ours, name=IMAGES, optimizer="none")
    pythons = {name: getattr(settings, name) for name in PEERS}
    return [ours, images, *mnemosyne, *peers.contestants(pythons, _program)]


def _program(library: str) -> str:
    return str(pathlib.Path(__file__).parent / "programs" / f"{library}_vit.py")


def _case(settings: Settings, size: str) -> dict[str, Any]:
    """Measures all programs on one size, alive at the same time and working in turn."""
    core, title = one_core(settings.core), f"ViT-{size}"
    config = ViTConfig.named(size, image_size=settings.resolution)
    with tempfile.TemporaryDirectory() as scratch:
        training = {
            **ADAMW,
            "num_classes": _NUM_CLASSES,
            "examples": _save_images(settings, scratch),
            "batch_size": settings.batch_size,
            "model": dataclasses.asdict(config),
        }
        started = contestants(settings)
        with running(started, training, title=title, core=core, scratch=scratch) as programs:
            ready = {name: program.ready for name, program in programs.items()}
            check_same_training(ready, config)
            working = {
                name: _ManyBatches(each) if name == IMAGES else each
                for name, each in programs.items()
            }
            turns = take_turns(working, rounds=settings.rounds, steps=settings.steps)
    return {
        "size": size,
        "resolution": settings.resolution,
        "batch_size": settings.batch_size,
        "programs": program_figures(turns, ready, batch_size=settings.batch_size),
    }


class _ManyBatches:
    """The program that makes batches alone: so many that one which was made ahead is no matter."""

    def __init__(self, program: RunningProgram):
        self._program = program

    def run(self, num_steps: int) -> Turn:
        return self._program.run(_BATCHES_A_STEP * num_steps)


def check_same_training(ready: Mapping[str, Mapping[str, Any]], config: ViTConfig) -> None:
    """Refuses to compare models or losses that differ, see `same_training`.

    Args:
        ready: of each program, what it said of its start.
        config: of the model that all should train.

    Raises:
        ValueError: a model has more or fewer weights than ours, or its first loss is that of no
            classifier of random weights.
    """
    same_training.check_same_training(
        {name: theirs for name, theirs in ready.items() if name != IMAGES},
        hidden_dim=config.hidden_dim,
        loss=math.log(_NUM_CLASSES),
        most_difference=_MOST_LOSS_DIFFERENCE,
    )


def _save_images(settings: Settings, folder: str) -> str:
    """Writes random images and labels, which every program reads.

    Also `uncropped`, as large as `mnemosyne vit` keeps photographs, for the program that makes
    batches alone.
    """
    rng = np.random.default_rng(0)
    count, side = _BATCHES * settings.batch_size, settings.resolution
    larger = round(ROOM_FOR_CROPS * side)
    path = os.path.join(folder, "images.npz")
    np.savez(
        path,
        images=rng.integers(0, 256, (count, side, side, 3)).astype(np.uint8),
        labels=rng.integers(0, _NUM_CLASSES, count).astype(np.int32),
        uncropped=rng.integers(0, 256, (count, larger, larger, 3)).astype(np.uint8),
    )
    return path


def table(case: Mapping[str, Any]) -> str:
    """Returns the title of a case and a table with a row for each program."""
    return (
        f"ViT-{case['size']}, {case['batch_size']} images a step, {case['resolution']} pixels, one "
        f"core\n{program_table(case['programs'], _COLUMNS)}"
    )
