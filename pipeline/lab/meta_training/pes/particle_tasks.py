"""The particles of all outer tasks, sums of their perturbations, meta-gradients from both."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from pipeline.lab.derived_seed import derived_rng, derived_seed
from pipeline.lab.meta_training.backprop.unroll import MAX_LOG_LOSS
from pipeline.lab.meta_training.inner_optimizer import InnerMnemosyne
from pipeline.lab.meta_training.pes import estimator
from pipeline.lab.meta_training.pes.lever_space import LeverSpace
from pipeline.lab.meta_training.pes.particles import Particle, Particles, RunStart
from pipeline.lab.meta_training.pes.settings import PesRecipe
from pipeline.lab.meta_training.tasks.task import Task

# Purposes of the seeds; `story` has others.
_RUNS, _LENGTHS, _PERTURBATIONS = range(3)
# The most that the two of a pair may differ by, in logarithms: what exploded says no more.
MAX_DIFFERENCE = 0.5


@dataclasses.dataclass
class _Pairs:
    """Of one task: particles, sums `[pairs, num_coords]`, lengths and steps so far `[pairs]`.

    A sum is that of the perturbations since the run began; of one that is kept it is that one.
    """

    particles: Particle
    sums: np.ndarray
    lengths: np.ndarray
    steps: np.ndarray


class ParticleTasks:
    """Meta-gradients by persistent evolution strategies.

    Args:
        tasks: what is trained.
        space: the numbers that are learned.
        recipe: of the meta-training.
    """

    def __init__(self, tasks: Sequence[Task], space: LeverSpace, recipe: PesRecipe):
        self._tasks = {task.name: task for task in tasks}
        self._space, self._recipe = space, recipe
        self._moved = {
            task.name: Particles(
                task,
                InnerMnemosyne(
                    space.start,
                    frozenset(space.names),
                    labels_per_step=task.run_arguments.get("labels_per_step"),
                ),
                truncation=recipe.truncation,
                rescaling=recipe.tasks[task.name].rescaling,
            )
            for task in tasks
        }
        self._pairs = {name: self._begin(name) for name in self._tasks}

    @property
    def inner_steps(self) -> int:
        """Inner steps of one task in a meta-step."""
        return 2 * self._recipe.pairs * self._recipe.truncation

    def meta_gradient(
        self, name: str, point: np.ndarray, meta_step: int
    ) -> tuple[float, np.ndarray, int]:
        """Moves the particles of a task by one truncation.

        Args:
            name: of the task.
            point: theta, `[num_coords]`.
            meta_step: counted from 0.

        Returns:
            The mean loss; the estimate `[num_coords]`; how many pairs exploded.
        """
        recipe, pairs = self._recipe, self._pairs[name]
        index = list(self._tasks).index(name)
        rng = derived_rng(recipe.seed, _PERTURBATIONS, index, meta_step)
        drawn = recipe.sigma * rng.standard_normal([recipe.pairs, len(point)])
        sums = pairs.sums + drawn
        if recipe.kept_for == "run":
            sums = drawn = np.where(pairs.steps[:, np.newaxis] == 0, drawn, pairs.sums)
        points = np.concatenate([point + drawn, point - drawn])
        losses, particles = self._moved[name].move(self._space.values(points), pairs.particles)
        losses = np.nan_to_num(losses.astype(np.float64), nan=MAX_LOG_LOSS)
        plus, minus = np.split(losses, 2)
        # Every run counts alike, however many truncations it has.
        weights = self._usual_length(name) / pairs.lengths
        difference = np.clip(plus - minus, -MAX_DIFFERENCE, MAX_DIFFERENCE) * weights
        found = estimator.gradient(sums, difference, np.zeros_like(difference), sigma=recipe.sigma)
        steps = pairs.steps + recipe.truncation
        exploded = np.maximum(plus, minus) >= MAX_LOG_LOSS
        ended = [int(i) for i in np.flatnonzero(exploded | (steps >= pairs.lengths))]
        starts = {i: self._start_of(name, i, meta_step + 1) for i in ended}
        self._pairs[name] = _Pairs(
            particles=self._moved[name].restart(particles, starts),
            sums=np.where(np.isin(np.arange(recipe.pairs), ended)[:, np.newaxis], 0.0, sums),
            lengths=_replaced(pairs.lengths, {i: s.num_steps for i, s in starts.items()}),
            steps=_replaced(steps, dict.fromkeys(ended, 0)),
        )
        return float(losses.mean()), found, int(exploded.sum())

    def state(self) -> dict[str, np.ndarray]:
        """All of it, as arrays."""
        saved = {}
        for name, pairs in self._pairs.items():
            for part in ("sums", "lengths", "steps"):
                saved[f"{name}:{part}"] = getattr(pairs, part)
            for i, part in enumerate(tf.nest.flatten(pairs.particles)):
                saved[f"{name}:{i}"] = part.numpy()
        return saved

    def restore(self, saved: Mapping[str, np.ndarray]) -> None:
        """Goes on from what `state` returned."""
        for name, pairs in self._pairs.items():
            parts = [
                tf.constant(saved[f"{name}:{i}"])
                for i in range(len(tf.nest.flatten(pairs.particles)))
            ]
            self._pairs[name] = _Pairs(
                tf.nest.pack_sequence_as(pairs.particles, parts),
                *(saved[f"{name}:{part}"] for part in ("sums", "lengths", "steps")),
            )

    def _begin(self, name: str) -> _Pairs:
        starts = [self._start_of(name, i, 0) for i in range(self._recipe.pairs)]
        return _Pairs(
            particles=self._moved[name].start(starts),
            sums=np.zeros([self._recipe.pairs, len(self._space.origin)]),
            lengths=np.array([each.num_steps for each in starts]),
            steps=np.zeros(self._recipe.pairs, int),
        )

    def _start_of(self, name: str, pair: int, meta_step: int) -> RunStart:
        index = list(self._tasks).index(name)
        purpose = (index, pair, meta_step)
        drawn = derived_rng(self._recipe.seed, _LENGTHS, *purpose).random()
        low, high = math.log(self._recipe.shortest_run), math.log(self._tasks[name].num_steps)
        truncations = round(math.exp(low + drawn * (high - low)) / self._recipe.truncation)
        return RunStart(
            seed=derived_seed(self._recipe.seed, _RUNS, *purpose),
            num_steps=truncations * self._recipe.truncation,
        )

    def _usual_length(self, name: str) -> float:
        return math.sqrt(self._recipe.shortest_run * self._tasks[name].num_steps)


def _replaced(old: np.ndarray, new: Mapping[int, int]) -> np.ndarray:
    changed = old.copy()
    for index, value in new.items():
        changed[index] = value
    return changed
