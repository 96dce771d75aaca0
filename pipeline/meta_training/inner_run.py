"""Whole training runs of a task as one XLA program, several settings of Mnemosyne side by side.

The update is `mnemosyne_tf.update_rule`, as it is; around it stands here what the Keras optimizer
does with variables. All members of a call share initial weights and batches, so that their losses
differ by their settings alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from mnemosyne_tf import update_rule
from mnemosyne_tf.guarded_optimizer import UNDECAYED_NAMES
from mnemosyne_tf.meta_params import MetaParams
from mnemosyne_tf.output_heads import output_heads
from mnemosyne_tf.parameter_routing import VariablePlan, plan_variable
from mnemosyne_tf.rule_settings import RuleSettings
from mnemosyne_tf.update_rule import StepInputs, VariableState
from pipeline.meta_training.settings import NUM_LOOKS
from pipeline.meta_training.task import Task

WEIGHT_DECAY = 0.01  # the default of `Mnemosyne`


class _Member(NamedTuple):
    """What one run carries from step to step."""

    states: dict[str, VariableState]
    applied_steps: tf.Tensor


class InnerRun:
    """Runs of one task.

    Args:
        task: what is trained.
        base: values of all meta-parameters that do not vary.
        varied: names of those that are given for each member.
    """

    def __init__(self, task: Task, base: MetaParams, varied: Mapping[str, np.ndarray]):
        self.task = task
        self._base = base
        self._varied = set(varied)
        self._settings = RuleSettings(
            total_steps=task.num_steps if task.knows_length else None, weight_decay=WEIGHT_DECAY
        )
        weights = task.initial_weights(np.random.default_rng(0))
        self._plans = {name: self._plan(name, value.shape) for name, value in weights.items()}
        self._train = tuple(tf.constant(array) for array in task.train)
        self._compiled = tf.function(self._run, jit_compile=True, autograph=False)

    def __call__(self, values: Mapping[str, np.ndarray], seed: int) -> np.ndarray:
        """Trains and returns held-out losses, `[members, NUM_LOOKS]`.

        Args:
            values: float32 `[members, *shape]` for every varied name.
            seed: of initial weights and batches.
        """
        losses, _ = self.losses_and_weights(values, seed)
        return losses.numpy()

    def losses_and_weights(self, values: Mapping[str, np.ndarray], seed: int):
        """Held-out losses, and the trained weights by name, `[members, *shape]`."""
        weights = self.task.initial_weights(np.random.default_rng(seed))
        values = {name: tf.constant(values[name]) for name in sorted(self._varied)}
        return self._compiled(values, weights, tf.constant(seed), self._train)

    def _plan(self, name: str, shape: tuple[int, ...]) -> VariablePlan:
        return plan_variable(
            name=name,
            shape=shape,
            chunk_size=self._base.structure.chunk_size,
            decayed=not any(re.search(pattern, name) for pattern in UNDECAYED_NAMES),
            orthogonalise=True,
        )

    def _run(self, values, weights, seed, train):
        num_members = next(iter(values.values())).shape[0]
        members = tf.nest.map_structure(
            lambda each: tf.tile(each[tf.newaxis], [num_members] + [1] * each.shape.rank),
            self._initial_member(weights),
        )
        heldout = self.task.heldout_batch()

        def step(iteration, members):
            batch = self.task.train_batch(train, tf.stack([2 * iteration, seed]))
            moved = tf.vectorized_map(
                lambda each: self._step(*each, iteration, batch), (values, members)
            )
            return iteration + 1, moved

        def stretch(look, members, losses):
            end = (look + 1) * (self.task.num_steps // NUM_LOOKS)
            start = look * (self.task.num_steps // NUM_LOOKS)
            _, members = tf.while_loop(lambda i, _: i < end, step, (start, members))
            loss = tf.vectorized_map(
                lambda states: self.task.loss(_weights(states), heldout), members.states
            )
            column = tf.one_hot(look, NUM_LOOKS)
            return look + 1, members, losses + column * loss[:, tf.newaxis]

        losses = tf.zeros([num_members, NUM_LOOKS])
        _, members, losses = tf.while_loop(
            lambda look, *_: look < NUM_LOOKS, stretch, (tf.constant(0), members, losses)
        )
        return losses, _weights(members.states)

    def _initial_member(self, weights) -> _Member:
        memory_shape = self._base.structure.memory_shape
        has_memory = self._base.structure.use_memory and self._has_heads()
        states = {}
        for name, weight in weights.items():
            weight = tf.convert_to_tensor(weight)
            zeros = tf.zeros_like(weight)
            memory = tf.zeros([self._plans[name].num_chunks, *memory_shape]) if has_memory else ()
            states[name] = VariableState(weight, zeros, zeros, memory)
        return _Member(states, tf.constant(0, tf.int64))

    def _has_heads(self) -> bool:
        return any(name in self._varied for name in ("step_head/kernel", "network/output")) or any(
            output_heads(self._base.values)
        )

    def _step(self, values, member: _Member, iteration, batch) -> _Member:
        """One step of one member: gradient, verdict on it, update of every variable."""
        weights = _weights(member.states)
        with tf.GradientTape() as tape:
            tape.watch(weights)
            loss = self.task.loss(weights, batch)
        gradients = tape.gradient(loss, weights)
        gradients = {name: tf.convert_to_tensor(each) for name, each in gradients.items()}
        finite = tf.reduce_all(
            tf.stack([tf.reduce_all(tf.math.is_finite(each)) for each in gradients.values()])
        )
        inputs = StepInputs(
            iterations=tf.cast(iteration, tf.int64),
            applied_steps=member.applied_steps,
            learning_rate=tf.constant(1.0),
            finite=finite,
        )
        constants = {
            name: tf.constant(value)
            for name, value in self._base.values.items()
            if name not in self._varied
        }
        states = {
            name: update_rule.update(
                {**constants, **values},
                gradients[name],
                state,
                inputs,
                plan=self._plans[name],
                structure=self._base.structure,
                settings=self._settings,
            )
            for name, state in member.states.items()
        }
        return _Member(states, member.applied_steps + tf.cast(finite, tf.int64))


def _weights(states: Mapping[str, VariableState]) -> dict[str, tf.Tensor]:
    return {name: state.weight for name, state in states.items()}
