"""Contract of every optimizer: 100,000 steps on noise stay bounded, weights and state."""

import numpy as np
import pytest
import tensorflow as tf

NUM_STEPS = 100_000


@pytest.mark.slow
def test_noise_for_100_000_steps_stays_bounded(contestant):
    # Mnemosyne is not given the length: with `total_steps` it would stand still.
    settings = {"total_steps": None} if "mnemosyne" in contestant.name else {}
    optimizer = contestant.make(weight_decay=0.1, **settings)
    weight = tf.Variable(tf.ones([8, 8]), name="kernel")
    optimizer.build([weight])

    @tf.function(jit_compile=True)
    def run():
        largest = tf.constant(0.0)
        for step in tf.range(NUM_STEPS):
            noise = tf.random.stateless_normal([8, 8], tf.stack([7, step]))
            optimizer.apply_gradients([(noise, weight)])
            largest = tf.maximum(largest, tf.reduce_max(tf.abs(weight)))
        return largest

    # Decay pulls a tenth of the weight back for each unit of step. Steps of one direction would
    # end at 5,000, and those of SGD, ten times as long for its momentum, without decay near 160
    # (0.5 a step, by the root of 100,000). No rounding comes near this bound.
    assert float(run()) < 50.0
    state = [value for value in optimizer.variables if value.dtype.is_floating]
    assert all(np.isfinite(value.numpy()).all() for value in state)
    assert int(optimizer.iterations) == NUM_STEPS
