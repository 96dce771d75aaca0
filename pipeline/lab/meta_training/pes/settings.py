"""Recipes of persistent evolution strategies: which levers are learned, how, on which tasks."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

from pipeline.lab.meta_training.settings import NamedTasks, TaskSettings

# What `levers` may be: the structure that is left. "constants" learns offsets by role alone, which
# no past moves: with the same budget it says what tokens and memory are worth.
LEVERS: dict[str, dict[str, Any]] = {
    "memory": {},
    "without_memory": {"use_memory": False},
    "without_encoder": {"level_2": "none"},
    "constants": {},
}
# What `learned` may be. The estimate of a direction is as good as pairs over numbers: heads on an
# encoder and a memory that stay random are a few dozen, all numbers are more than a thousand.
LEARNED = ("all", "heads")
# How long a pair keeps a perturbation. Of "truncation", persistent evolution strategies, the noise
# of an estimate grows with the truncations since the run began; of "run" it does not.
KEPT_FOR = ("truncation", "run")


@dataclasses.dataclass(frozen=True)
class PesRecipe(NamedTasks):
    """One meta-training by persistent evolution strategies.

    Attributes:
        name: of the recipe.
        levers: what moves the levers, a key of `LEVERS`.
        learned: which of its numbers, one of `LEARNED`.
        base: meta-parameters whose rule stays as it is: "shipped", "nominal" or a file.
        seed: of everything that is drawn.
        width, num_random_features, num_memory_heads: of the `Structure`.
        meta_steps: steps of Adam.
        pairs: mirrored pairs of runs of every task.
        sigma: standard deviation of the perturbations.
        kept_for: how long a pair keeps its perturbation, one of `KEPT_FOR`.
        truncation: inner steps of a meta-step.
        shortest_run: inner steps; a run is from this to `num_steps` of its task long, the logarithm
            evenly distributed.
        tasks_per_step: outer tasks of each meta-step, drawn anew every time.
        meta_rate: Adam's rate at first.
        final_meta_rate: at the end; between the two it falls as half a cosine.
        averaged_over: meta-steps over which the numbers are averaged; the mean is what is
            evaluated and kept.
        worst_task_weight: weight of the worst task's regret, where the best set is chosen.
        evaluate_every: meta-steps between two comparisons with the nominal rule on full runs.
        evaluation_seeds, final_seeds: runs on every task in them, and at the end.
        checkpoint_every: meta-steps between two saved states.
        tasks: settings by name.
    """

    FREE: ClassVar[tuple[str, ...]] = ("name", "checkpoint_every", "final_seeds")

    name: str = "unnamed"
    levers: str = "memory"
    learned: str = "all"
    base: str = "shipped"
    seed: int = 0
    width: int = 8
    num_random_features: int = 8
    num_memory_heads: int = 2
    meta_steps: int = 2000
    pairs: int = 4
    sigma: float = 0.03
    kept_for: str = "truncation"
    truncation: int = 50
    shortest_run: int = 100
    tasks_per_step: int = 3
    meta_rate: float = 1e-3
    final_meta_rate: float = 1e-4
    averaged_over: int = 100
    worst_task_weight: float = 0.5
    evaluate_every: int = 100
    evaluation_seeds: int = 2
    final_seeds: int = 3
    checkpoint_every: int = 20
    tasks: Mapping[str, TaskSettings] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        choices = {"levers": LEVERS, "learned": LEARNED, "kept_for": KEPT_FOR}
        for name, known in choices.items():
            if (received := getattr(self, name)) not in known:
                raise ValueError(
                    f"{name} must be one of {', '.join(known)}, received {received!r}."
                )
        for name in ("meta_steps", "pairs", "truncation", "averaged_over", "evaluate_every",
                     "evaluation_seeds", "final_seeds", "checkpoint_every"):  # fmt: skip
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, received {getattr(self, name)}.")
        if self.sigma <= 0 or self.worst_task_weight < 0:
            raise ValueError(
                "sigma must be above 0 and worst_task_weight not below 0, received "
                f"{self.sigma} and {self.worst_task_weight}."
            )
        if not 0 < self.final_meta_rate <= self.meta_rate:
            raise ValueError(
                "final_meta_rate must be above 0 and not above meta_rate, received "
                f"{self.final_meta_rate} and {self.meta_rate}."
            )
        if not 1 <= self.tasks_per_step <= len(self.tasks):
            raise ValueError(
                f"tasks_per_step must be from 1 to the number of tasks, received "
                f"{self.tasks_per_step} for {len(self.tasks)} tasks."
            )
        for name, task in self.tasks.items():
            if not self.truncation <= self.shortest_run <= task.num_steps:
                raise ValueError(
                    "shortest_run must be from truncation to num_steps of every task, received "
                    f"{self.shortest_run}, {self.truncation} and {task.num_steps} of {name}."
                )
