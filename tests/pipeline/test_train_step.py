import contextlib
import dataclasses

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from numeric_bounds import rounding

from models import BertPretrainer
from pipeline import train_step
from pipeline.run import distribution

# Roundings from the weights to a gradient: sums over 8 sequences of 10 positions (80); products,
# norms and softmax of a block of width 8 to 16 (60) and a head over 50 words, there and back.
GRADIENT = 80 + 2 * (60 + 50)


def trained(strategy, bert_config, batch, num_steps=3):
    """Weights, metric sums and held-out means after `num_steps` on one batch of 8."""
    keras.utils.set_random_seed(0)
    dataset = tf.data.Dataset.from_tensor_slices(batch).batch(8, drop_remainder=True)
    with strategy.scope():
        model = BertPretrainer(bert_config)
        model({name: value[:1] for name, value in batch.items()})
        # Not Adam: it would blow the rounding of gradients that are zero up to whole steps.
        optimizer = keras.optimizers.SGD(0.5, global_clipnorm=1.0)
        optimizer.build(model.trainable_variables)
        step = tf.Variable(0, dtype=tf.int64)
    run = train_step.make_train_steps(strategy, model, optimizer, step, seed=0)
    batches = iter(strategy.experimental_distribute_dataset(dataset.repeat()))
    sums = run(batches, tf.constant(num_steps)).numpy()
    evaluate = train_step.make_evaluate(strategy, model, optimizer)
    means = evaluate(strategy.experimental_distribute_dataset(dataset))
    assert step.numpy() == num_steps
    return model.get_weights(), sums, means


@pytest.fixture
def one_layer(bert_config):
    return dataclasses.replace(bert_config, num_layers=1)


@pytest.fixture
def batch(pretraining_batch):
    return pretraining_batch(batch=8)


def test_one_and_two_replicas_reach_the_same_weights(one_layer, batch, two_replicas):
    # Rows hold 1 to 3 predictions, so the halves of the batch have unequal weights.
    strategies = (distribution.make_strategy("one_device"), two_replicas)
    one, two = (trained(strategy, one_layer, batch) for strategy in strategies)
    # Three steps of rate 0.5 along gradients whose norm is clipped to 1, on both sides.
    for left, right in zip(one[0], two[0], strict=True):
        np.testing.assert_allclose(left, right, rtol=0, atol=2 * 3 * 0.5 * rounding(GRADIENT))
    # A loss has the roundings of half that way; two are compared.
    np.testing.assert_allclose(one[1], two[1], rtol=rounding(GRADIENT))
    assert one[2] == pytest.approx(two[2], rel=rounding(GRADIENT))


def test_loss_falls_and_sums_count_every_prediction(one_layer, batch):
    one = distribution.make_strategy("one_device")
    _, sums, means = trained(one, one_layer, batch, num_steps=30)
    assert means["masked_lm_loss"] < np.log(50) - 0.5  # 50 words, at first about equally likely
    assert sums[2] == 30 * batch["masked_lm_weights"].sum()
    assert sums[5] == 30 * 8


class Watcher:
    """Watches the steps given, and writes down what was run while it watched."""

    def __init__(self, steps, calls):
        self.steps, self.calls = steps, calls

    def watches(self, step):
        return step in self.steps

    @contextlib.contextmanager
    def watch(self, step):
        self.calls.append(f"before {step}")
        yield
        self.calls.append(f"after {step}")


@pytest.mark.parametrize(
    ("watched", "calls"),
    [
        ([], [3]),
        ([3], [3]),  # not the last step
        ([5], [2, "before 5", 1, "after 5"]),
    ],
)
def test_a_step_that_is_watched_is_run_by_itself(watched, calls):
    found = []

    def train_steps(batches, num_steps):
        found.append(int(num_steps))
        return tf.fill([6], float(num_steps))

    sums = train_step.run_to(5, 2, train_steps, iter([]), [Watcher(watched, found)])
    assert found == calls
    assert sums.tolist() == [3.0] * 6
