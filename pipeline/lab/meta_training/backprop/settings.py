"""Recipes of the fully learned optimizers: which one, how it is trained, and on which tasks."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

from pipeline.lab.meta_training.settings import NamedTasks, TaskSettings

OPTIMIZERS = ("cam", "lstm", "rnnprop")


@dataclasses.dataclass(frozen=True)
class LearnedRecipe(NamedTasks):
    """One meta-training by gradients: imitation first, then truncated back-propagation.

    No optimizer is told the length of a run. Tasks say it to the nominal rules that the result is
    compared with.

    Attributes:
        name: of the recipe.
        optimizer: "cam" (Mnemosyne, coordinate-wise and without its nominal direction), "lstm"
            (`CoordinatewiseLSTM`) or "rnnprop" (`RNNprop`).
        seed: of everything that is drawn.
        imitation_steps: meta-steps of imitation.
        meta_steps: meta-steps of truncated back-propagation, shared out among the run
            lengths in proportion.
        run_lengths: inner steps after which a run begins anew, one stage after the other,
            separated by commas; each a multiple of `unroll_length`.
        unroll_length: inner steps that are differentiated through.
        runs_at_once: runs of every task side by side, each at another place of its run.
        imitation_rate: Adam's rate on the meta-parameters at first.
        meta_rate: the same where back-propagation begins, to which imitation brings it down: its
            gradients are noise for the greater part, and would undo what was imitated.
        final_meta_rate: the same at the end. Between two of them it falls as half a cosine.
        global_rescale: weights are stored divided by a factor drawn from 1 / this to this, anew
            for every run; 1 is off.
        tensor_rescale: the same with a factor for each tensor, beside the global one.
        evaluate_every: meta-steps between two evaluations on whole runs, which decide what is kept.
        sweep_seeds: runs of the nominal rules at every rate.
        final_seeds: runs on every task that judge the result.
        checkpoint_every: meta-steps between two kept sets of meta-parameters, and two saved states.
        tasks: settings by name.
    """

    FREE: ClassVar[tuple[str, ...]] = ("name", "checkpoint_every", "final_seeds")

    name: str = "unnamed"
    optimizer: str = "cam"
    seed: int = 0
    imitation_steps: int = 300
    meta_steps: int = 600
    run_lengths: str = "100, 200, 500, 1000"
    unroll_length: int = 20
    runs_at_once: int = 4
    imitation_rate: float = 3e-3
    meta_rate: float = 1e-4
    final_meta_rate: float = 1e-5
    global_rescale: float = 1.0
    tensor_rescale: float = 1.0
    evaluate_every: int = 50
    sweep_seeds: int = 2
    final_seeds: int = 3
    checkpoint_every: int = 50
    tasks: Mapping[str, TaskSettings] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        if self.optimizer not in OPTIMIZERS:
            raise ValueError(
                f"optimizer must be one of {', '.join(OPTIMIZERS)}, received '{self.optimizer}'."
            )
        counts = ("imitation_steps", "meta_steps", "unroll_length", "runs_at_once")
        counts += ("evaluate_every", "sweep_seeds", "final_seeds", "checkpoint_every")
        for name in counts:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, received {getattr(self, name)}.")
        if not 0 < self.final_meta_rate <= self.meta_rate <= self.imitation_rate:
            raise ValueError(
                "imitation_rate, meta_rate and final_meta_rate must be above 0 and none above the "
                f"one before it, received {self.imitation_rate}, {self.meta_rate} and "
                f"{self.final_meta_rate}."
            )
        for name in ("global_rescale", "tensor_rescale"):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"{name} must be at least 1 (off), received {getattr(self, name)}."
                )
        for length in self.lengths():
            if length < self.unroll_length or length % self.unroll_length:
                raise ValueError(
                    f"run_lengths must be multiples of unroll_length, {self.unroll_length}, "
                    f"received {length}."
                )
        if not self.tasks:
            raise ValueError("tasks must name at least one task, received none.")

    def lengths(self) -> list[int]:
        """The run lengths, in inner steps."""
        words = self.run_lengths.split(",")
        if not all(word.strip().isdecimal() for word in words):
            raise ValueError(
                "run_lengths must be numbers of inner steps separated by commas, received "
                f"'{self.run_lengths}'."
            )
        return [int(word) for word in words]
