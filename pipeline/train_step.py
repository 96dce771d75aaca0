"""The compiled steps: what one replica computes, and how replicas are joined.

A replica adds up the gradients of its micro-batches, the optimizer adds those of all replicas and
updates the weights. `what_xla_compiles` says how much of it is one program; outside of it the
optimizer compiles its own update, and on a CPU the parts of the model compile theirs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
import tensorflow as tf
import tf_keras as keras

from models import losses as losses_of_bert
from models.batch_losses import BatchLosses
from pipeline.data.input_wait import InputWait
from pipeline.gradient_accumulation import accumulated, num_micro_batches
from pipeline.optimizers.base import evaluation_weights
from pipeline.run import worker_group


class StepCallback(Protocol):
    """Looks at the variables before and after single steps."""

    def watches(self, step: int) -> bool:
        """Says whether the step of this number is to be watched."""

    def watch(self, step: int) -> contextlib.AbstractContextManager[None]:
        """Is open while that step is made."""


def what_xla_compiles(strategy: tf.distribute.Strategy) -> str:
    """Says what of a replica's step is one XLA program.

    On CPUs the `parts` of the model between its matrix products, see `models.fused.compilation`; on
    one GPU the whole `step`, with the optimizer; on several the `gradients` of all micro-batches,
    because their sum over replicas is no part of a program; on TPUs `nothing`, because
    `strategy.run` compiles what it runs.
    """
    if isinstance(strategy, tf.distribute.TPUStrategy):
        return "nothing"
    if not all("GPU" in device for device in strategy.extended.worker_devices):
        return "parts"
    return "step" if strategy.num_replicas_in_sync == 1 else "gradients"


def make_replica_step(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    step: tf.Variable,
    seed: int,
    *,
    micro_batch_size: int = 0,
    xla_compiles: str = "step",
    losses: BatchLosses = losses_of_bert,
) -> Callable[[Mapping[str, tf.Tensor]], tf.Tensor]:
    """Returns `replica_step(features) -> [num_sums]`: one step of one replica, and metric sums.

    Dropout of a step is a function of (seed, step, index of the micro-batch's first sequence in the
    global batch). So a resumed run repeats it, and any number of replicas with the same
    micro-batches drops the same.

    Args:
      model: built; called as `model(features, training=..., dropout_seed=...)`.
      optimizer: built. Gradients are scaled by its `loss_scale`, if it has one, see
        `pipeline.run.precision`.
      step: int64 `[]`, steps made so far; counted by the caller.
      seed: of the run.
      micro_batch_size: sequences that a replica handles at a time, 0 for its part of the batch.
      xla_compiles: as of `what_xla_compiles`.
      losses: of the model's outputs.

    Raises:
      ValueError: a replica's part of the batch is not a multiple of the micro-batch.
    """
    loss_scale = getattr(optimizer, "loss_scale", None)

    def compiled(part, function):
        return tf.function(function, jit_compile=True) if part == xla_compiles else function

    def gradients_and_sums(features, global_weights, seed, scale):
        with tf.GradientTape() as tape:
            outputs = model(features, training=True, dropout_seed=seed)
            sums = losses.metric_sums(outputs, features)
            loss = losses.pretraining_loss(sums, global_weights) * scale
        gradients = tape.gradient(loss, model.trainable_variables)
        # Dense, and without the scale before any sum: a power of two, so nothing is rounded.
        return [tf.convert_to_tensor(gradient) / scale for gradient in gradients], sums

    def all_gradients_and_sums(features, global_weights, seed_of_step, first_sequence, scale):
        def of_part(features, first_sequence):
            seed = tf.random.experimental.stateless_fold_in(seed_of_step, first_sequence)
            return gradients_and_sums(features, global_weights, seed, scale)

        num_parts = num_micro_batches(features["input_ids"].shape[0], micro_batch_size)
        shapes = [variable.shape for variable in model.trainable_variables]
        num_sums = len(losses.METRIC_SUMS)
        return accumulated(of_part, features, first_sequence, shapes, num_parts, num_sums)

    gradients_of_replica = compiled("gradients", all_gradients_and_sums)

    def replica_step(features):
        context = tf.distribute.get_replica_context()
        # Of the global batch, before any gradient: the parts of all micro-batches and replicas are
        # parts of one loss, and the optimizer's sum over replicas is its gradient.
        global_weights = context.all_reduce(
            tf.distribute.ReduceOp.SUM, losses.loss_weights(features)
        )
        replica = tf.cast(context.replica_id_in_sync_group, tf.int32)
        gradients, sums = gradients_of_replica(
            features,
            global_weights,
            tf.stack([seed, tf.cast(step.read_value(), tf.int32)]),
            replica * features["input_ids"].shape[0],
            tf.constant(1.0) if loss_scale is None else loss_scale.value.read_value(),
        )
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return sums

    return compiled("step", replica_step)


def make_train_steps(
    strategy: tf.distribute.Strategy,
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    step: tf.Variable,
    seed: int,
    *,
    micro_batch_size: int = 0,
    xla_compiles: str | None = None,
    input_wait: InputWait | None = None,
    losses: BatchLosses = losses_of_bert,
) -> Callable[[Iterator, tf.Tensor], tf.Tensor]:
    """Returns `train_steps(iterator, num_steps) -> [num_sums]`, metric sums over those steps.

    Args:
      strategy: joins the replicas.
      model, optimizer, seed, micro_batch_size, losses: see `make_replica_step`.
      step: int64 `[]`, steps made so far, the same on all workers; counted here.
      xla_compiles: what XLA compiles; None as of `what_xla_compiles`.
      input_wait: adds up how long the loop waits for batches; None where nobody asks.

    Raises:
      ValueError: workers stand at different steps.
    """
    worker_group.check_same_step(strategy, int(step.numpy()))
    replica_step = make_replica_step(
        *(model, optimizer, step, seed),
        micro_batch_size=micro_batch_size,
        xla_compiles=xla_compiles or what_xla_compiles(strategy),
        losses=losses,
    )
    loss_scale = getattr(optimizer, "loss_scale", None)

    @tf.function
    def train_steps(iterator, num_steps):
        total = tf.zeros([len(losses.METRIC_SUMS)])
        for _ in tf.range(num_steps):
            batch = input_wait.next_batch(iterator, after=total) if input_wait else next(iterator)
            skipped = _skipped_steps(optimizer)
            # A plain function around compiled ones: handed over directly, every replica would read
            # the first one's variables.
            per_replica = strategy.run(lambda batch: replica_step(batch), args=(batch,))
            total += strategy.reduce(tf.distribute.ReduceOp.SUM, per_replica, axis=None)
            if loss_scale is not None:
                loss_scale.update(finite=tf.equal(skipped, _skipped_steps(optimizer)))
            step.assign_add(1)
        return total

    return train_steps


def _skipped_steps(optimizer: keras.optimizers.Optimizer) -> tf.Tensor:
    skipped = getattr(optimizer, "skipped_steps", None)
    return tf.zeros([], tf.int64) if skipped is None else skipped.read_value()


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
      Metric sums `[num_sums]` over those steps.
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
    losses: BatchLosses = losses_of_bert,
) -> Callable[[tf.data.Dataset], dict[str, float]]:
    """Returns `evaluate(distributed_dataset)`, the means of `losses.means` over all of it.

    The model is evaluated at the weights of `pipeline.optimizers.base.evaluation_weights`.
    """

    @tf.function(jit_compile=what_xla_compiles(strategy) != "parts")
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
