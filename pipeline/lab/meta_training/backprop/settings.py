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

    No learned optimizer is given the length of a run; the nominal rules that the result is compared
    with are, where the task says so.

    Attributes:
        name: of the recipe.
        optimizer: "cam" (Mnemosyne, coordinate-wise and without its nominal direction), "lstm"
            (`CoordinatewiseLSTM`) or "rnnprop" (`RNNprop`).
        seed: of everything that is drawn.
        imitation_steps: meta-steps of imitation.
        meta_steps: meta-steps of truncated back-propagation, distributed over the run
            lengths in proportion to them.
        run_lengths: inner steps after which a run is reset, one stage after the other, separated by
            commas; each a multiple of `unroll_length`.
        unroll_length: inner steps that are differentiated through; at its end the gradient is
            truncated.
        runs_at_once: runs of every task side by side, each at another step.
        imitation_rate: Adam's rate on the meta-parameters at first.
        meta_rate: the same where back-propagation begins, to which imitation brings it down; a
            larger one undoes what was imitated, as most of these gradients is noise.
        final_meta_rate: the same at the end. Between two of them it falls as half a cosine.
        evaluate_every: meta-steps between two evaluations on full unrolls; the best set is kept.
        sweep_seeds: runs of the nominal rules at every rate.
        final_seeds: full unrolls on every task at the end.
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
