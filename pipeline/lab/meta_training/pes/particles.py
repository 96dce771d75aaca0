"""Particles: pairs of runs of one task, moved by truncations that are one XLA program.

Both of a pair have the initial weights, batches, length and scales of a run in common, and differ
in the signs of their perturbations alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from mnemosyne_tf.update_rule import StepInputs
from pipeline.lab.meta_training.backprop.unroll import LOSS_FLOOR, MAX_LOG_LOSS
from pipeline.lab.meta_training.inner_optimizer import InnerMnemosyne
from pipeline.lab.meta_training.tasks.task import Task


class Particle(NamedTuple):
    """One run between two truncations; of several, every part has a first axis.

    Attributes:
        states: of the optimizer, by variable.
        scales: what each variable is multiplied by before the task sees it, float32 `[]`.
        num_steps: of the run, float32 `[]`.
        iteration: inner steps so far, int32 `[]`.
        applied_steps: of them, those that were not skipped, int64 `[]`.
        seed: of its batches, int32 `[]`.
    """

    states: dict[str, Any]
    scales: dict[str, tf.Tensor]
    num_steps: tf.Tensor
    iteration: tf.Tensor
    applied_steps: tf.Tensor
    seed: tf.Tensor


@dataclasses.dataclass(frozen=True)
class RunStart:
    """What a run begins with: a seed, and its length in inner steps."""

    seed: int
    num_steps: int


class Particles:
    """Pairs of runs of one task.

    Args:
        task: what is trained.
        optimizer: what trains it, of a length that is not known yet.
        truncation: inner steps of a call.
        rescaling: standard deviation of the logarithm of the scales of variables.
    """

    def __init__(self, task: Task, optimizer: InnerMnemosyne, *, truncation: int, rescaling: float):
        self.task = task
        self._optimizer, self._truncation, self._rescaling = optimizer, truncation, rescaling
        self._train = tuple(tf.constant(array) for array in task.train)
        # A function of this object's own: TensorFlow counts the traces of a method over all objects
        # and would warn that one program a task is one too many.
        self._compiled = tf.function(
            lambda *given: self._move(*given), jit_compile=True, autograph=False
        )

    def start(self, starts: Sequence[RunStart]) -> Particle:
        """Pairs before their first step: all that are moved by theta + e, then the others."""
        particles = [self._start(each) for each in starts] * 2
        return tf.nest.map_structure(lambda *each: tf.stack(each), *particles)

    def restart(self, particles: Particle, starts: Mapping[int, RunStart]) -> Particle:
        """The particles with some pairs, by index, at the start of another run."""
        if not starts:
            return particles
        num_pairs = particles.seed.shape[0] // 2
        indices = [[index + offset] for offset in (0, num_pairs) for index in starts]
        return tf.nest.map_structure(
            lambda old, new: tf.tensor_scatter_nd_update(old, indices, new),
            particles,
            self.start(list(starts.values())),
        )

    def move(
        self, values: Mapping[str, np.ndarray], particles: Particle
    ) -> tuple[np.ndarray, Particle]:
        """Moves all particles by one truncation.

        Args:
            values: float32 `[particles, *shape]` for every varied meta-parameter.
            particles: of `start`, `restart` or the truncation before.

        Returns:
            Mean over the steps of the logarithm of the training loss, `[particles]`, and the
            particles after.
        """
        values = {name: tf.constant(values[name]) for name in sorted(self._optimizer.varied)}
        losses, particles = self._compiled(values, particles, self._train)
        return losses.numpy(), particles

    def _move(self, values, particles, train):
        num_particles = particles.seed.shape[0]

        def step(index, particles, losses):
            # Batches are drawn outside of the vectorised part, which has no random numbers.
            drawn = [
                self.task.train_batch(
                    train, tf.stack([2 * particles.iteration[i], particles.seed[i]])
                )
                for i in range(num_particles // 2)
            ]
            batches = tf.nest.map_structure(lambda *each: tf.stack(each * 2), *drawn)
            particles, of_step = tf.vectorized_map(
                lambda each: self._step(*each), (values, particles, batches)
            )
            return index + 1, particles, losses + of_step / self._truncation

        _, particles, losses = tf.while_loop(
            lambda index, *_: index < self._truncation,
            step,
            (tf.constant(0), particles, tf.zeros([num_particles])),
        )
        return losses, particles

    def _step(self, values, particle: Particle, batch) -> tuple[Particle, tf.Tensor]:
        """One step of one particle, and the logarithm of the loss before it."""
        scales = particle.scales
        weights = {name: state.weight * scales[name] for name, state in particle.states.items()}
        loss, gradients, finite = self.task.gradients(weights, batch)
        gradients = {name: gradients[name] * scales[name] for name in gradients}
        inputs = StepInputs(
            iterations=tf.cast(particle.iteration, tf.int64),
            applied_steps=particle.applied_steps,
            learning_rate=tf.constant(1.0),
            finite=finite,
        )
        optimizer = self._optimizer
        if self.task.knows_length:
            optimizer = dataclasses.replace(optimizer, total_steps=particle.num_steps)
        states = optimizer.update(optimizer.meta_params(values), gradients, particle.states, inputs)
        log_loss = tf.math.log(loss + LOSS_FLOOR)
        counts = finite & (log_loss < MAX_LOG_LOSS)
        after = particle._replace(
            states=states,
            iteration=particle.iteration + 1,
            applied_steps=particle.applied_steps + tf.cast(finite, tf.int64),
        )
        return after, tf.where(counts, log_loss, MAX_LOG_LOSS)

    def _start(self, start: RunStart) -> Particle:
        rng = np.random.default_rng(start.seed)
        drawn = self.task.initial_weights(rng)
        scales = {
            name: np.exp(self._rescaling * rng.standard_normal()).astype(np.float32)
            for name in drawn
        }
        weights = {name: tf.constant(weight / scales[name]) for name, weight in drawn.items()}
        return Particle(
            states=self._optimizer.init(weights),
            scales={name: tf.constant(scale) for name, scale in scales.items()},
            num_steps=tf.constant(float(start.num_steps)),
            iteration=tf.constant(0),
            applied_steps=tf.constant(0, tf.int64),
            seed=tf.constant(start.seed),
        )
