"""Dropout with a mask that is a function of a seed, so that a resumed run repeats it exactly."""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras

from models.fused.dropout import dropout, site_key


def drawn_seed() -> tf.Tensor:
    """Returns a seed of the global generator, int32 `[2]`."""
    return tf.random.uniform([2], maxval=tf.int32.max, dtype=tf.int32)


class SeededDropout(keras.layers.Layer):
    """Zeroes elements with probability `rate` and divides the others by the kept fraction.

    Call inputs: a tensor of any shape and float dtype; `training`, without which nothing is
    dropped; `seed`, int32 `[2]`, or None to draw from the global generator, as
    `keras.layers.Dropout` does.
    Output: shape and dtype of the input.

    Every layer has its own `site`, so one seed per step serves a whole model. How a mask is made
    from seed, site and index: `models.fused.dropout`. Most dropouts of a BERT are part of a larger
    function, which asks this layer for `key_and_rate` and is given no tensor to drop.

    Args:
      rate: the probability in [0, 1).
      site: the index of this dropout in the model, unique per model.

    Source: Srivastava et al. 2014, section 4.
    """

    def __init__(self, rate: float, site: int, **kwargs):
        super().__init__(**kwargs)
        self.rate = rate
        self.site = site

    def key_and_rate(self, training: bool, seed: tf.Tensor | None) -> tuple[tf.Tensor, float]:
        """Returns the key, uint32 `[2]`, and the rate, 0 outside training."""
        if not training or not self.rate:
            return tf.zeros([2], tf.uint32), 0.0
        if seed is None:
            seed = drawn_seed()
        return site_key(tf.convert_to_tensor(seed, tf.int32), self.site), self.rate

    def call(self, inputs, training=False, seed=None):  # noqa: D102
        key, rate = self.key_and_rate(training, seed)
        return dropout(inputs, key, rate) if rate else inputs

    def get_config(self):  # noqa: D102
        return {**super().get_config(), "rate": self.rate, "site": self.site}
