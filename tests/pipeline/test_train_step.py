import contextlib
import dataclasses
import functools
from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from numeric_bounds import rounding

from models import BertPretrainer
from pipeline import train_step
from pipeline.optimizers.nadamw import NAdamW
from pipeline.run import distribution, precision

# Roundings from the weights to a gradient: sums over 8 sequences of 10 positions (80); products,
# norms and softmax of a block of width 8 to 16 (60) and a head over 50 words, there and back.
GRADIENT = 80 + 2 * (60 + 50)


class Trained(NamedTuple):
    """Weights, metric sums, held-out means or None, and the optimizer after some steps."""

    weights: list
    sums: np.ndarray
    means: dict | None
    optimizer: keras.optimizers.Optimizer


def trained(
    strategy,
    bert_config,
    batch,
    num_steps=3,
    layers="float32",
    optimizer=lambda: keras.optimizers.SGD(0.5, global_clipnorm=1.0),
    evaluates=False,
    **settings,
):
    """What `num_steps` on one batch of 8 make of a model.

    Not Adam: it would blow the rounding of gradients that are zero up to whole steps.
    """
    keras.utils.set_random_seed(0)
    dataset = tf.data.Dataset.from_tensor_slices(batch).batch(8, drop_remainder=True)
    with strategy.scope(), precision.layers_compute_in(layers):
        model = BertPretrainer(bert_config)
        model({name: value[:1] for name, value in batch.items()})
        optimizer = optimizer()
        optimizer.build(model.trainable_variables)
        precision.add_loss_scale(optimizer, layers)
        step = tf.Variable(0, dtype=tf.int64)
    run = train_step.make_train_steps(strategy, model, optimizer, step, seed=0, **settings)
    batches = iter(strategy.experimental_distribute_dataset(dataset.repeat()))
    sums = run(batches, tf.constant(num_steps)).numpy()
    assert step.numpy() == num_steps
    means = None
    if evaluates:
        evaluate = train_step.make_evaluate(strategy, model, optimizer)
        means = evaluate(strategy.experimental_distribute_dataset(dataset))
    return Trained(model.get_weights(), sums, means, optimizer)


def assert_same(left, right):
    """The weights and losses of two runs of three steps, but for rounding."""
    # Three steps of rate 0.5 along gradients whose norm is clipped to 1, on both sides.
    for one, other in zip(left.weights, right.weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=2 * 3 * 0.5 * rounding(GRADIENT))
    # A loss has the roundings of half that way; two are compared.
    np.testing.assert_allclose(left.sums, right.sums, rtol=rounding(GRADIENT))


@pytest.fixture(scope="module")
def one_layer(bert_config):
    return dataclasses.replace(bert_config, num_layers=1)


@pytest.fixture
def batch(pretraining_batch):
    """Rows hold 1 to 3 predictions, so parts of the batch have unequal weights."""
    return pretraining_batch(batch=8)


@pytest.fixture
def one():
    return distribution.make_strategy("one_device")


@pytest.fixture(scope="module")
def kept():
    return {}


@pytest.fixture
def on_one(kept, one, one_layer, batch):
    """Three steps on one device, all sequences at once, without dropout, in float32."""
    if not kept:
        kept["one"] = trained(one, one_layer, batch, evaluates=True)
    return kept["one"]


def test_one_and_two_replicas_reach_the_same_weights(on_one, one_layer, batch, two_replicas):
    on_two = trained(two_replicas, one_layer, batch, evaluates=True)
    assert_same(on_one, on_two)
    assert on_one.means == pytest.approx(on_two.means, rel=rounding(GRADIENT))


def test_micro_batches_reach_the_weights_of_the_whole_batch(on_one, one, one_layer, batch):
    # The mean of the means of micro-batches would be another loss.
    assert_same(on_one, trained(one, one_layer, batch, micro_batch_size=2))


def test_a_step_that_is_one_program_reaches_the_same_weights(on_one, one, one_layer, batch):
    assert_same(on_one, trained(one, one_layer, batch, micro_batch_size=4, xla_compiles="step"))


def test_replicas_with_the_same_micro_batches_drop_the_same(
    on_one, one, one_layer, batch, two_replicas
):
    dropping = dataclasses.replace(one_layer, dropout=0.3, attention_dropout=0.3)
    halves = trained(one, dropping, batch, micro_batch_size=4)
    assert_same(halves, trained(two_replicas, dropping, batch))
    assert abs(halves.sums[0] / on_one.sums[0] - 1) > 1e-3  # it does drop


@pytest.mark.parametrize("layers", ["bfloat16", "float16"])
def test_half_precision_follows_float32(on_one, one, one_layer, batch, layers):
    half = trained(one, one_layer, batch, layers=layers).sums
    # 8 and 11 bits of significand: logits below 1 in size, each from about 16 roundings one after
    # the other, so the loss of a step is off by at most that many units; and as much again from
    # the weights of the steps before.
    bound = 2 * 16 * {"bfloat16": 2.0**-8, "float16": 2.0**-11}[layers]
    np.testing.assert_allclose(half[[0, 3]], on_one.sums[[0, 3]], rtol=bound)
    np.testing.assert_array_equal(half[[2, 5]], on_one.sums[[2, 5]])


def test_an_overflow_of_float16_skips_the_step_and_halves_the_scale(
    one, one_layer, batch, monkeypatch
):
    # A logit has a gradient of the order of 1 / 16: times 2^24 it is no float16.
    largest = functools.partial(precision.LossScale, initial=2.0**24)
    monkeypatch.setattr(precision, "LossScale", largest)
    settings = {"layers": "float16", "num_steps": 20, "optimizer": lambda: NAdamW(1e-3)}
    optimizer = trained(one, one_layer, batch, **settings).optimizer
    skipped = int(optimizer.skipped_steps)
    assert 0 < skipped < 20
    assert float(optimizer.loss_scale.value) == 2.0 ** (24 - skipped)
    assert int(optimizer.applied_steps) == 20 - skipped


def test_loss_falls_and_sums_count_every_prediction(one, one_layer, batch):
    after = trained(one, one_layer, batch, num_steps=30, evaluates=True)
    # 50 words, at first about equally likely.
    assert after.means["masked_lm_loss"] < np.log(50) - 0.5
    assert after.sums[2] == 30 * batch["masked_lm_weights"].sum()
    assert after.sums[5] == 30 * 8


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
