"""The story of `mnemosyne bench vit_speed`: images per CPU second, ours and others'."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import pathlib
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from tabulate import tabulate

from models.vit import ViTConfig
from pipeline.lab import figures_file
from pipeline.lab.finetune_speed.story import figures
from pipeline.lab.prepare import processor
from pipeline.lab.train_speed.contestants import OURS, Contestant
from pipeline.lab.train_speed.running_program import RunningProgram, Turn
from pipeline.lab.train_speed.story import take_turns

IMAGES = "our images alone"
_TRAINING = {"learning_rate": 1e-4, "weight_decay": 0.01, "clip_norm": 1.0, "num_classes": 10}
_BATCHES = 4  # of different images
_BATCHES_A_STEP = 32  # of the program that makes them alone
# A head of Glorot's weights on normalised tokens has logits of a variance of up to 2: a loss of up
# to 1 nat more in the mean, with a deviation of up to 1.4 an image.
_MOST_LOSS_DIFFERENCE = 2.5
_PROGRAMS = pathlib.Path(__file__).parent / "programs"
_OUR_ROOT = str(pathlib.Path(__file__).parents[3])
_PEERS = {
    "keras_hub": ("keras-hub", "keras_hub_vit.py"),
    "hf_tf": ("Hugging Face TF", "hf_tf_vit.py"),
}
_HEADERS = ("program", "images/CPU s", "CPU s/step", "times ours", "wall s/step", "peak MB")
_VERSIONS_OF = ("tensorflow", "tf-keras", "numpy")


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
        content = {
            "suite": "vit_speed",
            "settings": dataclasses.asdict(settings),
            "processor": processor.name(),
            "cases": cases,
        }
        figures_file.save(output, content, versions_of=_VERSIONS_OF)
    print(last_line(cases))


def contestants(settings: Settings) -> list[Contestant]:
    """Returns the programs in the order of the table, ours first."""
    ours = Contestant(OURS, _program("mnemosyne_vit.py"), python_path=_OUR_ROOT)
    found = [ours, dataclasses.replace(ours, name=IMAGES, optimizer="none")]
    if settings.mnemosyne:
        name = f"{OURS}, its own optimizer"
        found.append(dataclasses.replace(ours, name=name, optimizer="mnemosyne"))
    for key, (name, program) in _PEERS.items():
        if python := getattr(settings, key):
            found.append(Contestant(name, _program(program), python))
    return found


def _program(name: str) -> str:
    return str(_PROGRAMS / name)


def _case(settings: Settings, size: str) -> dict[str, Any]:
    """Measures all programs on one size, alive at the same time and working in turn."""
    core = max(os.sched_getaffinity(0)) if settings.core is None else settings.core
    config = ViTConfig.named(size, image_size=settings.resolution)
    with tempfile.TemporaryDirectory() as scratch, contextlib.ExitStack() as stack:
        training = {
            **_TRAINING,
            "examples": _save_images(settings, scratch),
            "batch_size": settings.batch_size,
            "model": dataclasses.asdict(config),
        }
        programs = {}
        for contestant in contestants(settings):
            print(f"ViT-{size}: {contestant.name}", file=sys.stderr)
            programs[contestant.name] = stack.enter_context(
                RunningProgram(contestant, training, core=core, scratch=scratch)
            )
        ready = {name: program.ready for name, program in programs.items()}
        check_same_training(ready, config)
        working = {
            name: _ManyBatches(each) if name == IMAGES else each for name, each in programs.items()
        }
        turns = take_turns(working, rounds=settings.rounds, steps=settings.steps)
    return {
        "size": size,
        "resolution": settings.resolution,
        "batch_size": settings.batch_size,
        "programs": figures(turns, ready, batch_size=settings.batch_size),
    }


class _ManyBatches:
    """The program that makes batches alone: so many that one which was made ahead is no matter."""

    def __init__(self, program: RunningProgram):
        self._program = program

    def run(self, num_steps: int) -> Turn:
        return self._program.run(_BATCHES_A_STEP * num_steps)


def check_same_training(ready: Mapping[str, Mapping[str, Any]], config: ViTConfig) -> None:
    """Refuses to compare models or losses that differ.

    Args:
        ready: of each program, what it said of its start: `parameters` and `first_loss`.
        config: of the model that all should train.

    Raises:
        ValueError: a model has more or fewer weights than ours, by more than one dense layer such
            as a pooler; or its first loss is that of no classifier of random weights.
    """
    dense = config.hidden_dim * (config.hidden_dim + 1)
    expected = math.log(_TRAINING["num_classes"])
    for name, theirs in ready.items():
        if name == IMAGES:
            continue
        if abs(theirs["parameters"] - ready[OURS]["parameters"]) > dense:
            raise ValueError(
                f"{name} has {theirs['parameters']:,} weights, expected our "
                f"{ready[OURS]['parameters']:,} or up to {dense:,} more or fewer. Only equal "
                "models are compared: give another version of its library."
            )
        if not abs(theirs["first_loss"] - expected) <= _MOST_LOSS_DIFFERENCE:
            raise ValueError(
                f"{name} begins with a loss of {theirs['first_loss']:.3f} nats, expected one near "
                f"{expected:.3f}. Only equal losses are compared: give another version of its "
                "library."
            )


def _save_images(settings: Settings, folder: str) -> str:
    """Writes random images and labels, which every program reads."""
    rng = np.random.default_rng(0)
    count, side = _BATCHES * settings.batch_size, settings.resolution
    path = os.path.join(folder, "images.npz")
    np.savez(
        path,
        images=rng.integers(0, 256, (count, side, side, 3)).astype(np.uint8),
        labels=rng.integers(0, _TRAINING["num_classes"], count).astype(np.int32),
    )
    return path


def table(case: Mapping[str, Any]) -> str:
    """Returns the title of a case and a table with a row for each program."""
    rows = [
        (
            name,
            f"{each['examples_per_cpu_second']:.1f}",
            f"{each['cpu_seconds']:.3f}",
            f"{each['times_ours']:.3f}",
            f"{each['wall_seconds']:.3f}",
            f"{each['peak_mb']:,.0f}",
        )
        for name, each in case["programs"].items()
    ]
    align = ("left", *["right"] * (len(_HEADERS) - 1))
    body = tabulate(rows, _HEADERS, "plain", disable_numparse=True, colalign=align)
    return (
        f"ViT-{case['size']}, {case['batch_size']} images a step, {case['resolution']} pixels, one "
        f"core\n{body}"
    )


def last_line(cases: Sequence[Mapping[str, Any]]) -> str:
    """Returns how many times our CPU time each of the others takes, by size."""
    parts = []
    for case in cases:
        others = [
            f"{each['times_ours']:.2f}x {name}"
            for name, each in case["programs"].items()
            if name != OURS
        ]
        parts.append(f"ViT-{case['size']}: {', '.join(others)}")
    return "CPU time of a step, ours 1; " + "; ".join(parts)
