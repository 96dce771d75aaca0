"""Every function against a plain formula and TensorFlow's own gradient of it, in float64."""

import math

import numpy as np
import tensorflow as tf

from models.fused.activation import bias_gelu
from models.fused.attention import attention_weights, split_heads
from models.fused.cross_entropy import cross_entropy_sums
from models.fused.dropout import dropout, dropped
from models.fused.norms import embedding_norm, layer_norm, residual_norm
from models.fused.residual import residual_sum
from models.fused.rows import gather_rows

KEY = tf.constant([5, 6], tf.uint32)
RATE = 0.25
# Roundings from the inputs to a gradient: mean, variance and products of a layer norm of width 8
# (24), there and back, and the sum over 10 rows.
NORM = 2 * 24 + 10


def random(*shape, seed=0):
    """Values of float32, so that both sides start from the same ones."""
    return np.random.default_rng((seed, *shape)).normal(size=shape).astype("f").astype(float)


def mask(shape, rate=RATE):
    """What dropout multiplies by, float64."""
    kept = dropped(tf.ones(shape), KEY, rate).numpy() > 0
    return tf.constant(kept / (1 - rate))


def plain_norm(inputs, gamma, beta):
    mean = tf.reduce_mean(inputs, -1, keepdims=True)
    variance = tf.reduce_mean((inputs - mean) ** 2, -1, keepdims=True)
    return (inputs - mean) / tf.sqrt(variance + 1e-12) * gamma + beta


def test_layer_norm(check_gradients):
    inputs = random(2, 5, 8), random(8), random(8, seed=1)
    check_gradients(layer_norm, plain_norm, *inputs, operations=NORM)


def test_residual_norm(check_gradients):
    inputs = random(2, 5, 8), random(8), random(2, 5, 8, seed=1), random(8, seed=2), random(8)
    check_gradients(
        lambda *each: residual_norm(*each, KEY, RATE),
        lambda product, bias, residual, gamma, beta: plain_norm(
            residual + (product + bias) * mask([2, 5, 8]), gamma, beta
        ),
        *inputs,
        operations=NORM,
    )


def test_residual_sum_with_a_gain(check_gradients):
    inputs = random(2, 5, 8), random(8), random(8, seed=1), random(2, 5, 8, seed=2)
    check_gradients(
        lambda *each: residual_sum(*each, KEY, RATE),
        lambda product, bias, gain, residual: residual + gain * (product + bias) * mask([2, 5, 8]),
        *inputs,
        operations=14,  # three there, the sum over 10 rows, a product
    )


def test_residual_sum_without_a_gain(check_gradients):
    inputs = random(2, 5, 8), random(8), random(2, 5, 8, seed=2)
    check_gradients(
        lambda product, bias, residual: residual_sum(product, bias, None, residual, KEY, RATE),
        lambda product, bias, residual: residual + (product + bias) * mask([2, 5, 8]),
        *inputs,
        operations=13,
    )


def test_embedding_norm(check_gradients):
    words, segments = random(2, 5, 8), random(2, 5, 8, seed=1)
    for positions in random(5, 8), random(2, 5, 8, seed=2):
        check_gradients(
            lambda *each: embedding_norm(*each, KEY, RATE, tf.float32),
            lambda words, positions, segments, *norm: (
                plain_norm(words + positions + segments, *norm) * mask([2, 5, 8])
            ),
            *(words, positions, segments, random(8), random(8, seed=1)),
            operations=NORM,
        )


# Twenty products and sums, a tanh (an erf, an exp) of four units in the last place twice, 10 rows.
GELU = 20 + 2 * 8 + 10


def test_bias_gelu(check_gradients):
    def formula(product, bias):
        inputs = product + bias
        inner = math.sqrt(2 / math.pi) * (inputs + 0.044715 * inputs**3)
        return 0.5 * inputs * (1 + tf.tanh(inner))

    check_gradients(bias_gelu, formula, random(2, 5, 8), random(8), operations=GELU)


def test_bias_gelu_of_the_exact_form(check_gradients):
    def formula(product, bias):
        inputs = product + bias
        return 0.5 * inputs * tf.math.erfc(-inputs / math.sqrt(2))

    check_gradients(
        lambda *each: bias_gelu(*each, "erf"),
        formula,
        *(random(2, 5, 8), random(8)),
        operations=GELU,
    )


def test_layer_norm_of_another_epsilon(check_gradients):
    def formula(inputs, gamma, beta):
        mean = tf.reduce_mean(inputs, -1, keepdims=True)
        variance = tf.reduce_mean((inputs - mean) ** 2, -1, keepdims=True)
        return (inputs - mean) / tf.sqrt(variance + 0.5) * gamma + beta

    check_gradients(
        lambda *each: layer_norm(*each, 0.5),
        formula,
        *(random(2, 5, 8), random(8), random(8, seed=1)),
        operations=NORM,
    )


def test_split_heads(check_gradients):
    def formula(product, bias):
        return tf.transpose(tf.reshape(product + bias, [2, 5, 2, 4]), [0, 2, 1, 3])

    check_gradients(
        lambda *each: split_heads(*each, 2), formula, random(2, 5, 8), random(8), operations=11
    )


def test_attention_weights(check_gradients):
    sequences = np.array([[1, 1, 2, 2, 0], [1, 1, 1, 1, 1]], np.int32)

    def formula(scores):
        own = (sequences[:, None, :, None] == sequences[:, None, None, :]) & (
            sequences[:, None, None, :] > 0
        )
        powers = tf.exp(scores) * own
        total = tf.reduce_sum(powers, -1, keepdims=True)
        return tf.math.divide_no_nan(powers, total) * mask([2, 3, 5, 5])

    # Maximum, exponential, sum of five, quotient and dropout, 5 + 8; there and back.
    check_gradients(
        lambda scores: attention_weights(scores, tf.constant(sequences), KEY, RATE),
        formula,
        random(2, 3, 5, 5),
        operations=2 * 13 + 5,
    )


def test_cross_entropy_sums(check_gradients):
    labels = np.array([[0, 6, 3], [2, 2, 1]], np.int32)

    def formula(logits, weights):
        logs = tf.nn.log_softmax(logits)
        losses = -tf.gather(logs, labels, batch_dims=2)
        correct = tf.cast(tf.argmax(logits, -1, tf.int32) == labels, logits.dtype)
        return tf.stack([tf.reduce_sum(each * weights) for each in (losses, correct, 1.0)])

    def function(logits, weights):
        return cross_entropy_sums(logits, tf.constant(labels), weights)

    # Seven classes, six predictions, exponential and logarithm of four units each, ten products.
    check_gradients(
        function, formula, random(2, 3, 7), np.abs(random(2, 3)), operations=7 + 6 + 16 + 10
    )


def test_of_equal_logits_the_first_counts(as_in_mode):
    labels = tf.constant([0, 1, 2])
    sums = as_in_mode(cross_entropy_sums)(tf.zeros([3, 3]), labels, tf.ones([3]))
    assert sums[1] == 1  # as tf.argmax says: class 0, which the first label is


def test_dropout(check_gradients):
    check_gradients(
        lambda inputs: dropout(inputs, KEY, RATE),
        lambda inputs: inputs * mask([4, 9]),
        random(4, 9),
        operations=4,
    )


def test_gather_rows(check_gradients):
    indices = tf.constant([[3, 1], [1, 1]])
    check_gradients(
        lambda table: gather_rows(table, indices),
        lambda table: tf.gather(table, indices),
        random(5, 4),
        operations=4,
    )


def test_a_dropped_value_has_no_part_even_where_it_is_not_finite():
    found = dropout(tf.fill([1000], math.inf), KEY, RATE).numpy()
    assert set(found) == {0.0, math.inf}


def test_padding_attends_to_nothing(as_in_mode):
    sequences = tf.constant([[1, 1, 0]])
    weights = as_in_mode(attention_weights)(tf.zeros([1, 1, 3, 3]), sequences, KEY, 0.0)
    np.testing.assert_array_equal(weights[0, 0], [[0.5, 0.5, 0], [0.5, 0.5, 0], [0, 0, 0]])
