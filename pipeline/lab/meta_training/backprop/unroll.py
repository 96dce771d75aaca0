"""An unroll of inner steps, differentiated: imitation, and truncated back-propagation in time.

    imitation    weights move as the nominal elementwise rule moves them; the learned rule answers
                 along that path; its loss is |own step - nominal step|^2 / |nominal step|^2, the
                 mean over variables
    losses       weights move as the learned rule moves them; its loss is
                 log(training loss + 0.05), each before the step that the batch is for

Meta-gradients flow through the states of the unroll and end at its first step. Gradients of the
task count as constants. So the derivative of log(loss + 0.05) by a meta-parameter is the sum of
gradient / (loss + 0.05) * (derivative of the weight) with the gradient that the step needs anyway:
nothing is differentiated twice, no activation kept.

An unroll of all runs side by side is one XLA program.

Source: Andrychowicz et al. 2016 (truncated back-propagation, gradients as constants); Chen et al.
2020 ("Training Stronger Baselines for Learning to Optimize": imitation, longer and longer runs).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from mnemosyne_tf.meta_params import MetaParams
from mnemosyne_tf.update_rule import StepInputs
from pipeline.lab.meta_training.backprop.truncation import Run, RunInitializer
from pipeline.lab.meta_training.inner_optimizer import InnerMnemosyne, InnerOptimizer
from pipeline.lab.meta_training.tasks.task import Task

# Nats added before the logarithm: losses below them are of rows learned by heart.
LOSS_FLOOR = 0.05
# Logarithm of a loss of 20 nats, the most that a run counts which exploded.
MAX_LOG_LOSS = 3.0
STEP_EPSILON = 1e-12


class Unroll:
    """Unrolls of the runs of one task; `initializer` makes the runs.

    Args:
        task: what is trained.
        optimizer: the learned one.
        unroll_length: inner steps of an unroll.
        is_imitation: whether the nominal rule is imitated; else losses are lowered.
    """

    def __init__(
        self,
        task: Task,
        optimizer: InnerOptimizer,
        *,
        unroll_length: int,
        is_imitation: bool,
    ):
        self.task = task
        self._optimizer, self._unroll_length = optimizer, unroll_length
        self._teacher = nominal_elementwise() if is_imitation else None
        self.initializer = RunInitializer(task, optimizer, self._teacher)
        self._train = tuple(tf.constant(array) for array in task.train)
        self._compiled = tf.function(self._unroll, jit_compile=True, autograph=False)

    def __call__(
        self, values: Mapping[str, np.ndarray], runs: Run
    ) -> tuple[np.ndarray, dict[str, np.ndarray], Run]:
        """Moves all runs by one unroll.

        Args:
            values: of every varied meta-parameter, by name.
            runs: stacked.

        Returns:
            The meta-loss of every step, `[unroll_length, runs]`; the gradient of each run's mean
            by name, `[runs, *shape]`; the runs after.
        """
        values = {name: tf.constant(values[name]) for name in sorted(self._optimizer.varied)}
        losses, gradients, runs = self._compiled(values, runs, self._train)
        return losses.numpy(), {name: each.numpy() for name, each in gradients.items()}, runs

    def _unroll(self, values, runs: Run, train):
        """Forwards step by step, then backwards: every step is taken once more and differentiated.

        So only the states between steps are kept, and the tape never records a loop.
        """
        length, num_runs = self._unroll_length, runs.seed.shape[0]
        inner_step = self._imitating_step if self._teacher else self._training_step
        kept = tf.nest.map_structure(
            lambda part: tf.TensorArray(part.dtype, length, element_shape=part.shape), runs
        )

        def batches(runs):
            # Outside of the vectorised part, which has no random numbers.
            drawn = [
                self.task.train_batch(train, tf.stack([2 * runs.iteration[i], runs.seed[i]]))
                for i in range(num_runs)
            ]
            return tf.nest.map_structure(lambda *each: tf.stack(each), *drawn)

        def forwards(index, runs, kept, losses):
            kept = tf.nest.map_structure(lambda array, part: array.write(index, part), kept, runs)
            meta_params = self._optimizer.meta_params(values)
            runs, of_step = tf.vectorized_map(
                lambda each: inner_step(meta_params, *each), (runs, batches(runs))
            )
            return index + 1, runs, kept, losses.write(index, of_step)

        def pulled_back(run, batch, cotangents):
            with tf.GradientTape() as tape:
                tape.watch([values, run.states])
                after, loss = inner_step(self._optimizer.meta_params(values), run, batch)
            return tape.gradient(
                [after.states, loss],
                [values, run.states],
                output_gradients=[cotangents, tf.ones_like(loss) / length],
                unconnected_gradients=tf.UnconnectedGradients.ZERO,
            )

        def backwards(index, cotangents, gradients):
            before = tf.nest.map_structure(lambda array: array.read(index), kept)
            of_runs, cotangents = tf.vectorized_map(
                lambda each: pulled_back(*each), (before, batches(before), cotangents)
            )
            summed = {name: gradients[name] + of_runs[name] for name in gradients}
            return index - 1, cotangents, summed

        _, runs, kept, losses = tf.while_loop(
            lambda index, *_: index < length,
            forwards,
            (
                tf.constant(0),
                runs,
                kept,
                tf.TensorArray(tf.float32, length, element_shape=[num_runs]),
            ),
        )
        zeros = (
            tf.nest.map_structure(tf.zeros_like, runs.states),
            {name: tf.zeros([num_runs, *value.shape]) for name, value in values.items()},
        )
        _, _, gradients = tf.while_loop(
            lambda index, *_: index >= 0, backwards, (tf.constant(length - 1), *zeros)
        )
        return losses.stack(), gradients, runs

    def _training_step(self, meta_params, run: Run, batch) -> tuple[Run, tf.Tensor]:
        loss, gradients, inputs = self._gradients(run, run.states, batch)
        log_loss = tf.math.log(loss + LOSS_FLOOR)
        counts = inputs.finite & (log_loss < MAX_LOG_LOSS)
        # Its value is 0, its gradient with respect to the weights that of the logarithm.
        pull = tf.add_n(
            [
                tf.reduce_sum(
                    tf.where(counts, gradients[name] / (loss + LOSS_FLOOR), 0.0)
                    * (state.weight - tf.stop_gradient(state.weight))
                )
                for name, state in run.states.items()
            ]
        )
        moved = self._optimizer.update(meta_params, gradients, run.states, inputs)
        after = run._replace(states=moved, **_counted(run, inputs))
        return after, tf.where(counts, log_loss, MAX_LOG_LOSS) + pull

    def _imitating_step(self, meta_params, run: Run, batch) -> tuple[Run, tf.Tensor]:
        _, gradients, inputs = self._gradients(run, run.teacher, batch)
        led = {
            name: state._replace(weight=run.teacher[name].weight)
            for name, state in run.states.items()
        }
        own = self._optimizer.update(meta_params, gradients, led, inputs)
        teacher_params = self._teacher.meta_params({})
        teacher = self._teacher.update(teacher_params, gradients, run.teacher, inputs)
        errors = []
        for name, before in run.teacher.items():
            target = tf.reduce_mean(tf.square(teacher[name].weight - before.weight))
            error = tf.reduce_mean(tf.square(own[name].weight - teacher[name].weight))
            errors.append(error / (target + STEP_EPSILON))
        after = run._replace(states=own, teacher=teacher, **_counted(run, inputs))
        return after, tf.reduce_mean(tf.stack(errors))

    def _gradients(self, run: Run, states: Mapping[str, Any], batch):
        """Loss and gradients as constants, and the inputs of the step."""
        weights = {name: tf.stop_gradient(state.weight) for name, state in states.items()}
        loss, gradients, finite = self.task.gradients(weights, batch)
        gradients = {name: tf.stop_gradient(each) for name, each in gradients.items()}
        inputs = StepInputs(
            iterations=tf.cast(run.iteration, tf.int64),
            applied_steps=run.applied_steps,
            learning_rate=tf.constant(1.0),
            finite=finite,
        )
        return tf.stop_gradient(loss), gradients, inputs


def nominal_elementwise() -> InnerMnemosyne:
    """The teacher of imitation: the nominal rule, elementwise, without warm-up and weight decay."""
    nominal = MetaParams.nominal()
    constant = MetaParams(nominal.structure, {**nominal.values, "rule/warmup_steps": 1.0})
    return InnerMnemosyne(constant, orthogonalise=False, weight_decay=0.0)


def _counted(run: Run, inputs: StepInputs) -> dict[str, tf.Tensor]:
    applied = run.applied_steps + tf.cast(inputs.finite, tf.int64)
    return {"iteration": run.iteration + 1, "applied_steps": applied}
