"""Dropout whose mask is computed from a key and the index of each element, forward and backward.

Nothing random is stored: the backward pass computes the mask again, and a resumed run repeats it.

The generator counts: element i of a tensor gets the 32 bits `P(P(i ^ k0) ^ k1)`, where P is the
permutation of 32-bit integers `lowbias32`, and (k0, k1) is the key of this dropout in this step.
Two keyed rounds over a public permutation are the cipher of Even and Mansour, iterated. With one
round, two keys k and k' would give masks that are the same but for the order of their elements
(i ^ k = i' ^ k'); the second key ends that. A key is made by the same cipher from the seed of the
step and the number of the dropout in the model, so seeds that differ in one bit give keys that
differ in half of theirs. All of it is arithmetic of 32-bit integers, the same on every device and
under every compiler. A mask repeats after 2**32 elements.

Source: permutation: Wellons, "Prospecting for hash functions", 2018 (bias 0.174 at best 32-bit
shifts and products of two rounds); counter instead of state: Salmon et al. 2011, "Parallel random
numbers: as easy as 1, 2, 3"; cipher: Bogdanov et al. 2012, "Key-alternating ciphers in a provable
setting", section 2.
"""

from __future__ import annotations

import tensorflow as tf

from models.fused.compilation import call

_WORD = 2**32


def site_key(seed: tf.Tensor, site: int) -> tf.Tensor:
    """Returns the key, uint32 `[2]`, of one dropout in one step.

    Args:
      seed: int32 `[2]`, of the step; all 64 bits count.
      site: the number of this dropout in the model, from 0.
    """
    words = tf.bitcast(seed, tf.uint32)
    return call(_bits, tf.constant([2 * site, 2 * site + 1], tf.uint32), words)


def dropped(inputs: tf.Tensor, key: tf.Tensor, rate: float) -> tf.Tensor:
    """Zeroes elements with probability `rate` and divides the others by the kept fraction.

    A part of the functions of this package, forward on the values, backward on their gradients.

    Args:
      inputs: of any shape and float dtype.
      key: uint32 `[2]`.
      rate: in [0, 1), rounded to a multiple of 2**-32.
    """
    if not rate:
        return inputs
    keep = _bits(_indices(inputs), key) >= tf.constant(round(rate * _WORD), tf.uint32)
    return tf.where(keep, inputs * (1.0 / (1.0 - rate)), tf.zeros_like(inputs))


def dropout(inputs: tf.Tensor, key: tf.Tensor, rate: float) -> tf.Tensor:
    """`dropped`, differentiable: for a tensor whose dropout is not part of another function."""

    @tf.custom_gradient
    def run(inputs, key):
        return call(dropped, inputs, key, rate=rate), lambda gradient: (
            call(dropped, gradient, key, rate=rate),
            None,
        )

    return run(inputs, key)


def _bits(counters: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
    """Returns uint32 random bits, one word for each counter."""
    return _permuted(_permuted(counters ^ key[0]) ^ key[1])


def _permuted(words: tf.Tensor) -> tf.Tensor:
    """lowbias32: every bit that comes in flips every bit that goes out with probability 1/2."""
    words = (words ^ _shifted(words, 16)) * tf.constant(0x7FEB352D, tf.uint32)
    words = (words ^ _shifted(words, 15)) * tf.constant(0x846CA68B, tf.uint32)
    return words ^ _shifted(words, 16)


def _shifted(words, bits):
    return tf.bitwise.right_shift(words, tf.constant(bits, tf.uint32))


def _indices(inputs: tf.Tensor) -> tf.Tensor:
    """Returns uint32 0, 1, 2, ... in the shape of the inputs."""
    shape = tf.shape(inputs)
    return tf.reshape(tf.cast(tf.range(tf.size(inputs, tf.int64)), tf.uint32), shape)
