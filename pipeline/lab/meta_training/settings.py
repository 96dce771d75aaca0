"""Recipes of evolution: what is learned, how, and on which tasks."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

from mnemosyne_tf.parameter_roles import HORIZON_ENTRIES, RATE_ENTRIES

IMAGE_KINDS = ("mlp", "vit")
KINDS = ("copy", "text", *IMAGE_KINDS, "prompt")
# What `learned` may name, and the meta-parameters it stands for.
LEARNED = {
    "rates": ("rule/matrix_rate", "rule/elementwise_rate"),
    "decays": ("rule/momentum_decay", "rule/second_moment_decay"),
    "schedule": ("rule/warmup_fraction", "rule/decay_start", "rule/warmup_steps"),
    "batch_scaling": ("rule/batch_exponent",),
    "decay_delay": ("rule/decay_delay",),
    "decay_power": ("rule/decay_power",),
    "position_growth": ("rule/position_growth",),
    "length_scaling": ("rule/length_exponent",),
    "role_rates": tuple(RATE_ENTRIES.values()),
    "role_horizons": tuple(HORIZON_ENTRIES.values()),
    "multiplier": ("step_head/kernel", "step_head/bias"),
    "memory": ("memory/log_tau",),
}
# Settings of a task that count something, at least one.
_SIZES = ("batch_size", "width", "num_layers", "num_heads", "vocab_size", "seq_len", "prompt_len",
          "turns", "pooling")  # fmt: skip


@dataclasses.dataclass(frozen=True)
class TaskSettings:
    """One task; sizes that its kind does not have are ignored.

    Attributes:
        kind: "copy", "text", "mlp", "vit" or "prompt".
        num_steps: steps of a run.
        batch_size: sequences or images a step.
        width: hidden units, of a transformer's residual stream or of each layer of a perceptron.
        num_layers: blocks, or hidden layers.
        num_heads: attention heads.
        vocab_size: tokens, the mask included.
        seq_len: tokens of a sequence.
        knows_length: whether the optimizer is given `num_steps` and the labels of a step.
        prompt_len: vectors before the tokens.
        pretraining_steps: of the encoder that a prompt is tuned for; with one layer a prompt can
            hardly read anything.
        rescaling: standard deviation of the logarithms by which variables are scaled, each run anew
            (persistent evolution strategies alone); a rate is then too high here, too low there.
        turns: how often it comes up where another task comes up once.
        pooling: side of the squares of pixels that are averaged before a perceptron sees them.
    """

    kind: str = "copy"
    num_steps: int = 400
    batch_size: int = 32
    width: int = 32
    num_layers: int = 1
    num_heads: int = 2
    vocab_size: int = 128
    seq_len: int = 26
    knows_length: bool = True
    prompt_len: int = 4
    pretraining_steps: int = 800
    rescaling: float = 0.0
    turns: int = 1
    pooling: int = 1

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, received '{self.kind}'.")
        for name in _SIZES:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, received {getattr(self, name)}.")
        for name in ("num_steps", "pretraining_steps"):
            if getattr(self, name) < NUM_EVALUATIONS or getattr(self, name) % NUM_EVALUATIONS:
                raise ValueError(
                    f"{name} must be a multiple of {NUM_EVALUATIONS}, the evaluations of a run, "
                    f"received {getattr(self, name)}."
                )
        if self.rescaling < 0:
            raise ValueError(f"rescaling must not be below 0, received {self.rescaling}.")
        if self.kind != "mlp" and self.width % self.num_heads:
            raise ValueError(
                f"width must be a multiple of num_heads, received {self.width} and "
                f"{self.num_heads}."
            )


# Evaluations on the held-out rows in a run, at equal distances, the last at its end.
NUM_EVALUATIONS = 8


class NamedTasks:
    """What every recipe has: tasks by name."""

    tasks: Mapping[str, TaskSettings]

    def all_turns(self) -> list[str]:
        """Names of tasks, each as often as it has turns."""
        return [name for name, task in self.tasks.items() for _ in range(task.turns)]

    def needs(self, kind: str) -> bool:
        """Whether some task is of this kind."""
        return any(task.kind == kind for task in self.tasks.values())


@dataclasses.dataclass(frozen=True)
class MetaRecipe(NamedTasks):
    """One meta-training by evolution.

    Attributes:
        name: of the recipe.
        learned: what is learned, names of `LEARNED` separated by commas.
        seed: of everything that is drawn.
        meta_steps: generations of the evolution.
        members: settings tried in each, an even number: they come in mirrored pairs.
        members_at_once: of them, how many runs are one program; a divisor of `members`.
        tasks_per_step: outer tasks of each generation, drawn anew every time.
        initial_spread: standard deviation of the first generation, in the units of `search_space`.
        worst_task_weight: weight of the worst task's regret, added to the mean over tasks.
        sweep_seeds: runs of the nominal rule at every rate, which regrets are measured against.
        final_seeds: runs on every task that compare the result with the nominal rule at the end.
        checkpoint_every: meta-steps between two kept sets of meta-parameters.
        tasks: settings by name.
    """

    # What may change between two starts without changing what was done so far.
    FREE: ClassVar[tuple[str, ...]] = ("name", "meta_steps", "checkpoint_every", "final_seeds")

    name: str = "unnamed"
    learned: str = "rates, decays, schedule"
    seed: int = 0
    meta_steps: int = 50
    members: int = 8
    members_at_once: int = 4
    tasks_per_step: int = 3
    initial_spread: float = 0.5
    worst_task_weight: float = 0.5
    sweep_seeds: int = 2
    final_seeds: int = 3
    checkpoint_every: int = 10
    tasks: Mapping[str, TaskSettings] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        if unknown := [name for name in self.learned_names() if name not in LEARNED]:
            raise ValueError(
                f"learned must name some of {', '.join(LEARNED)}, separated by commas, received "
                f"{', '.join(map(repr, unknown))}."
            )
        for name in ("meta_steps", "members_at_once", "sweep_seeds", "final_seeds"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, received {getattr(self, name)}.")
        if self.members < 2 or self.members % 2 or self.members % self.members_at_once:
            raise ValueError(
                "members must be even and a multiple of members_at_once, received "
                f"{self.members} and {self.members_at_once}."
            )
        if self.checkpoint_every < 1 or self.initial_spread <= 0 or self.worst_task_weight < 0:
            raise ValueError(
                "checkpoint_every must be at least 1, initial_spread above 0 and "
                f"worst_task_weight not below 0, received {self.checkpoint_every}, "
                f"{self.initial_spread} and {self.worst_task_weight}."
            )
        if not 1 <= self.tasks_per_step <= len(self.tasks):
            raise ValueError(
                f"tasks_per_step must be from 1 to the number of tasks, received "
                f"{self.tasks_per_step} for {len(self.tasks)} tasks."
            )

    def learned_names(self) -> list[str]:
        """The names in `learned`."""
        return [name.strip() for name in self.learned.split(",")]

    def learned_entries(self) -> list[str]:
        """The meta-parameters that they stand for."""
        return [entry for name in self.learned_names() for entry in LEARNED[name]]
