"""The compiled steps: what one replica computes, and how replicas are joined.

Forward and backward pass are one function per replica: one XLA program on an accelerator, a graph
whose parts are compiled on a CPU (`models.fused.compilation`). The optimizer stands outside it:
under MirroredStrategy gradients must be added over replicas first, and the optimizer compiles
its own update.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
import tensorflow as tf
import tf_keras as keras

from models import losses
from pipeline.optimizers.base import evaluation_weights


class StepCallback(Protocol):
    """Looks at the variables before and after single steps."""

    def watches(self, step: int) -> bool:
        """Says whether the step of this number is to be watched."""

    def watch(self, step: int) -> contextlib.AbstractContextManager[None]:
        """Is open while that step is made."""


def make_train_steps(
    strategy: tf.distribute.Strategy,
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    step: tf.Variable,
    seed: int,
) -> Callable[[Iterator, tf.Tensor], tf.Tensor]:
    """Returns `train_steps(iterator, num_steps) -> [6]`, metric sums over those steps.

    Dropout of a step is a function of (seed, step, replica), so a resumed run repeats it.
    """

    @tf.function(jit_compile=_compiled_as_a_whole())
    def gradients_and_sums(features, global_weights, dropout_seed):
        with tf.GradientTape() as tape:
            outputs = model(features, training=True, dropout_seed=dropout_seed)
            sums = losses.metric_sums(outputs, features)
            loss = losses.pretraining_loss(sums, global_weights)
        return tape.gradient(loss, model.trainable_variables), sums

    def replica_step(features):
        context = tf.distribute.get_replica_context()
        global_weights = context.all_reduce(
            tf.distribute.ReduceOp.SUM, losses.loss_weights(features)
        )
        dropout_seed = tf.random.experimental.stateless_fold_in(
            tf.stack([seed, tf.cast(step.read_value(), tf.int32)]),
            tf.cast(context.replica_id_in_sync_group, tf.int32),
        )
        gradients, sums = gradients_and_sums(features, global_weights, dropout_seed)
        # Parts of one global loss: the optimizer's sum over replicas is the gradient.
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return sums

    @tf.function
    def train_steps(iterator, num_steps):
        total = tf.zeros([len(losses.METRIC_SUMS)])
        for _ in tf.range(num_steps):
            per_replica = strategy.run(replica_step, args=(next(iterator),))
            total += strategy.reduce(tf.distribute.ReduceOp.SUM, per_replica, axis=None)
            step.assign_add(1)
        return total

    return train_steps


def _compiled_as_a_whole() -> bool:
    return bool(tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("TPU"))


def run_to(
    stop: int,
    step: int,
    train_steps: Callable[[Iterator, tf.Tensor], tf.Tensor],
    batches: Iterator,
    callbacks: Sequence[StepCallback] = (),
) -> np.ndarray:
    """Trains from `step` to `stop`; a last step that a callback watches is run by itself.

    Args:
      stop: number of the last step.
      step: steps made before, fewer than `stop`.
      train_steps: of `make_train_steps`.
      batches: distributed over the replicas.
      callbacks: asked about the last step alone; their intervals must be stops.

    Returns:
      Metric sums `[6]` over those steps.
    """
    watching = [callback for callback in callbacks if callback.watches(stop)]
    if not watching:
        return train_steps(batches, tf.constant(stop - step)).numpy()
    sums = train_steps(batches, tf.constant(stop - step - 1))
    with contextlib.ExitStack() as stack:
        for callback in watching:
            stack.enter_context(callback.watch(stop))
        return (sums + train_steps(batches, tf.constant(1))).numpy()


def make_evaluate(
    strategy: tf.distribute.Strategy,
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
) -> Callable[[tf.data.Dataset], dict[str, float]]:
    """Returns `evaluate(distributed_dataset)`, the means of `losses.means` over all of it.

    The model is evaluated at the weights of `pipeline.optimizers.base.evaluation_weights`.
    """

    @tf.function(jit_compile=_compiled_as_a_whole())
    def sums_of(features):
        return losses.metric_sums(model(features, training=False), features)

    @tf.function
    def evaluation_step(features):
        # A plain function around the compiled one: handed over directly, every replica would
        # read the first one's variables.
        per_replica = strategy.run(lambda batch: sums_of(batch), args=(features,))
        return strategy.reduce(tf.distribute.ReduceOp.SUM, per_replica, axis=None)

    def evaluate(dataset):
        total = tf.zeros([len(losses.METRIC_SUMS)], tf.float64)
        with evaluation_weights(optimizer, model.trainable_variables):
            for features in dataset:
                total += tf.cast(evaluation_step(features), tf.float64)
        return losses.means(total.numpy())

    return evaluate
