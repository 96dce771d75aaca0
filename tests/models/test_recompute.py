"""Blocks computed again in the backward pass: the same numbers, fewer of them kept."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from numeric_bounds import rounding

from models import BertPretrainer, losses

# As in test_train_step.py: sums over the batch, and products there and back.
GRADIENT = 80 + 2 * (60 + 50)


def gradients(model, features, compiled):
    @tf.function(jit_compile=compiled)
    def derive(features):
        with tf.GradientTape() as tape:
            outputs = model(features, training=True, dropout_seed=tf.constant([1, 2]))
            sums = losses.metric_sums(outputs, features)
            loss = losses.pretraining_loss(sums, losses.loss_weights(features))
        return tape.gradient(loss, model.trainable_variables)

    return derive({name: tf.constant(value) for name, value in features.items()})


@pytest.mark.parametrize("compiled", [False, True])
def test_gradients_are_the_same_with_dropout(bert_config, pretraining_batch, compiled):
    config = dataclasses.replace(bert_config, dropout=0.2, attention_dropout=0.2, num_layers=1)
    plain, again = BertPretrainer(config), BertPretrainer(config, recompute=True)
    batch = pretraining_batch()
    plain(batch), again(batch)
    again.set_weights(plain.get_weights())
    found, expected = (gradients(model, batch, compiled) for model in (again, plain))
    for one, other in zip(found, expected, strict=True):
        size = np.abs(other).max()
        np.testing.assert_allclose(one, other, rtol=0, atol=rounding(2 * GRADIENT) * max(size, 1))


def test_a_model_without_seed_drops_the_same_elements_twice(bert_config, pretraining_batch):
    # Weights of deviation 1: what is dropped matters as much as what it is added to.
    config = dataclasses.replace(bert_config, dropout=0.5, num_layers=1, initializer_range=1.0)
    model = BertPretrainer(config, recompute=True)
    batch = pretraining_batch()
    model(batch)
    with tf.GradientTape() as tape:
        hidden, _ = model.encoder(batch, training=True)
        gamma = model.encoder.blocks[0].output_norm.gamma
        total = tf.reduce_sum(hidden * hidden)
    # Beta starts at 0 and gamma at 1, so half of the gradient of gamma is what is added up.
    np.testing.assert_allclose(
        tf.reduce_sum(tape.gradient(total, gamma)) / 2, total, rtol=rounding(GRADIENT)
    )
