"""Dropout with a mask that is a function of a seed, so that a resumed run repeats it exactly."""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras


class SeededDropout(keras.layers.Layer):
    """Zeroes entries with probability `rate` and divides the others by the kept fraction.

    Call inputs: a tensor of any shape and float dtype; `training`, without which nothing is
    dropped; `seed`, int32 `[2]`, or None to draw from the global generator, as
    `keras.layers.Dropout` does.
    Every layer folds its own `site` into the seed, so one seed per step serves a whole model.
    Output: shape and dtype of the input.

    The mask is made of integers of TensorFlow's stateless generator, which are the same with and
    without XLA. An entry takes eight bits of them, a quarter of a 32-bit word: on a CPU, a word for
    every entry would cost more than the layer norm that follows. The rate is therefore rounded to a
    multiple of 1/256; the kept fraction is that of the rounded rate, so the mean stays exact.

    Args:
      rate: the probability in [0, 1).
      site: the index of this dropout in the model, unique per model.

    Source: Srivastava et al. 2014, section 4.
    Differs: the rate is rounded to a multiple of 1/256 (0.1 becomes 0.1016).
    """

    def __init__(self, rate: float, site: int, **kwargs):
        super().__init__(**kwargs)
        self.rate = rate
        self.site = site

    def call(self, inputs, training=False, seed=None):  # noqa: D102
        drop = round(256 * self.rate)
        if not training or drop == 0:
            return inputs
        shape = tf.shape(inputs)
        num_words = (tf.reduce_prod(shape) + 3) // 4
        if seed is None:
            seed = tf.random.uniform([2], maxval=tf.int32.max, dtype=tf.int32)
        seed = tf.random.experimental.stateless_fold_in(seed, self.site)
        words = tf.random.stateless_uniform(
            [num_words], seed, minval=None, maxval=None, dtype=tf.uint32
        )
        octets = tf.reshape(tf.bitcast(words, tf.uint8), [-1])[: tf.reduce_prod(shape)]
        keep = tf.cast(tf.reshape(octets, shape) >= tf.cast(drop, tf.uint8), inputs.dtype)
        return inputs * keep * tf.cast(256.0 / (256.0 - drop), inputs.dtype)

    def get_config(self):  # noqa: D102
        return {**super().get_config(), "rate": self.rate, "site": self.site}
