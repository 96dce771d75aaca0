"""The compiled steps: what one replica computes, and how replicas are joined.

Forward and backward pass are one XLA program per replica. The optimizer stands outside it:
under MirroredStrategy gradients must be added over replicas first, and the optimizer compiles
its own update.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import tensorflow as tf
import tf_keras as keras

from models import losses
from pipeline.optimizers.base import evaluation_weights


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

    @tf.function(jit_compile=True)
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
        # Shares of one global loss: the optimizer's sum over replicas is the gradient.
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


def make_evaluate(
    strategy: tf.distribute.Strategy,
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
) -> Callable[[tf.data.Dataset], dict[str, float]]:
    """Returns `evaluate(distributed_dataset)`, the means of `losses.means` over all of it.

    The model is evaluated at the weights of `pipeline.optimizers.base.evaluation_weights`.
    """

    @tf.function(jit_compile=True)
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
