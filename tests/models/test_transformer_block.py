"""Against NumPy written from the papers, and facts that need no reference."""

import dataclasses
import math

import numpy as np
import pytest
import tensorflow as tf
from numeric_bounds import float32_error, rounding

from models.fused.activation import bias_gelu
from models.layer_norm import LayerNorm
from models.transformer_block import SelfAttention, TransformerBlock

# Roundings of a layer norm of width 8: mean 8, variance 10, root, quotient, gain and bias 4, and
# the residual before it 1; rounded up. No other step between two weights has more: softmax over
# five positions and the product with the values have 5 + 4 + 5, products of width 16 have 17.
OPERATIONS = 24
MASK = np.array([[1, 1, 1, 1, 0], [1, 1, 1, 0, 0]], np.int32)


@pytest.fixture
def hidden_states():
    return np.random.RandomState(0).randn(2, 5, 8).astype(np.float32)


def built(layer, hidden_states):
    """Calls the layer once and gives it weights that are not nearly zero."""
    layer(hidden_states, MASK)
    random = np.random.RandomState(1)
    layer.set_weights([0.5 * random.randn(*weight.shape) for weight in layer.get_weights()])
    return layer


def attention_by_loops(hidden_states, *weights, num_heads=2):
    """Vaswani et al. 2017, section 3.2, one query at a time; padding is left out of the sum."""
    dense = list(zip(weights[::2], weights[1::2], strict=True))  # query, key, value, output
    size = hidden_states.shape[-1] // num_heads
    result = np.zeros(hidden_states.shape)
    for row, states in enumerate(hidden_states):
        query, key, value = (states @ kernel + bias for kernel, bias in dense[:3])
        real = np.flatnonzero(MASK[row])
        for place in range(len(states)):
            context = []
            for head in range(num_heads):
                part = slice(head * size, (head + 1) * size)
                scores = [query[place, part] @ key[k, part] / math.sqrt(size) for k in real]
                weights = np.exp(scores) / np.exp(scores).sum()
                context.append(weights @ value[real, part])
            kernel, bias = dense[3]
            result[row, place] = np.concatenate(context) @ kernel + bias
    return result


def test_attention_equals_loops_over_heads_and_queries(bert_config, hidden_states):
    layer = built(SelfAttention(bert_config, 0), hidden_states)
    inputs = [each.astype(np.float64) for each in (hidden_states, *layer.get_weights())]
    error = float32_error(attention_by_loops, *inputs, operations=OPERATIONS)
    expected = attention_by_loops(*inputs)
    real = MASK.astype(bool)
    outputs = (layer(hidden_states, MASK) + layer.output_dense.bias).numpy()
    np.testing.assert_allclose(outputs[real], expected[real], rtol=0, atol=error)
    assert np.isfinite(outputs).all()


@pytest.fixture
def block_error(hidden_states, bert_numpy):
    """Returns `error(block)`: how far its float32 output may lie from the exact one."""

    def error(block):
        names = [each.name.split("/", 1)[1].removesuffix(":0") for each in block.weights]

        def outputs(hidden, *weights):
            by_path = {f"b/{name}": each for name, each in zip(names, weights, strict=True)}
            rows = zip(hidden, MASK, strict=True)
            return np.array([bert_numpy.block(*row, by_path, "b", 2) for row in rows])

        inputs = (hidden_states, *block.get_weights())
        return float32_error(outputs, *inputs, operations=OPERATIONS)

    return error


def test_padding_changes_no_real_position(bert_config, hidden_states, block_error):
    block = built(TransformerBlock(bert_config, 0), hidden_states)
    other = np.where(MASK[..., None] == 1, hidden_states, 9.0)
    real = MASK.astype(bool)
    with_other, expected = (block(each, MASK).numpy()[real] for each in (other, hidden_states))
    # Both lie that far from the one exact result.
    np.testing.assert_allclose(with_other, expected, rtol=0, atol=2 * block_error(block))


def test_order_of_the_positions_is_nothing_to_a_block(bert_config, hidden_states, block_error):
    block = built(TransformerBlock(bert_config, 0), hidden_states)
    order = [3, 0, 4, 2, 1]
    moved = block(hidden_states[:, order], MASK[:, order])
    expected = block(hidden_states, MASK).numpy()[:, order]
    np.testing.assert_allclose(moved, expected, rtol=0, atol=2 * block_error(block))


def test_block_without_kernels_is_the_layer_norm_of_its_input(
    bert_config, hidden_states, block_error
):
    block = TransformerBlock(bert_config, 0)
    block(hidden_states, MASK)
    for weight in block.weights:
        if "kernel" in weight.name:
            weight.assign(tf.zeros_like(weight))
    hidden_states = hidden_states.astype(np.float64)
    centred = hidden_states - hidden_states.mean(axis=-1, keepdims=True)
    expected = centred / centred.std(axis=-1, keepdims=True)
    outputs = block(hidden_states, MASK)
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=block_error(block))


def test_number_of_weights_is_the_papers(bert_config, hidden_states):
    block = TransformerBlock(bert_config, 0)
    block(hidden_states, MASK)
    attention, feed_forward, norms = 4 * (8 * 8 + 8), 8 * 16 + 16 + 16 * 8 + 8, 4 * 8
    assert block.count_params() == attention + feed_forward + norms


def test_dropout_is_active_in_training_only_and_repeats_with_its_seed(bert_config, hidden_states):
    config = dataclasses.replace(bert_config, dropout=0.5)
    block = built(TransformerBlock(config, 0), hidden_states)
    seed = tf.constant([3, 4])
    first, again = (block(hidden_states, MASK, True, seed).numpy() for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, block(hidden_states, MASK))
    assert not np.allclose(first, block(hidden_states, MASK, True, tf.constant([3, 5])))


# Seven products and sums, and a tanh that libraries compute to within four units in the last place.
GELU = 7 + 8


def test_gelu_is_close_to_the_exact_one():
    inputs = np.linspace(-4, 4, 41)
    exact = [x * 0.5 * (1 + math.erf(x / math.sqrt(2))) for x in inputs]
    outputs = bias_gelu(tf.constant(inputs[:, None], tf.float32), tf.zeros([1]))[:, 0]
    # The two forms lie 4.733e-4 apart at most, at 2.70; what is rounded to float32 is at most 4.
    np.testing.assert_allclose(outputs, exact, rtol=0, atol=4.733e-4 + rounding(GELU) * 4)
    # The tanh form, not the exact one: at 1 they are 0.8411920 and 0.8413447.
    of_one = bias_gelu(tf.ones([1, 1]), tf.zeros([1]))[0, 0]
    np.testing.assert_allclose(of_one, 0.8411920, rtol=rounding(GELU))
    exact = bias_gelu(tf.ones([1, 1]), tf.zeros([1]), "erf")[0, 0]
    np.testing.assert_allclose(exact, 0.8413447, rtol=rounding(GELU))


def test_layer_norm_has_berts_epsilon():
    norm = LayerNorm()
    # Variance 1e-8, epsilon 1e-12. With the Keras default of 1e-3 the result would be 0.003.
    expected = np.array([[-1.0, 1.0]]) / np.sqrt(1.0001)
    outputs = norm(tf.constant([[-1e-4, 1e-4]]))
    np.testing.assert_allclose(outputs, expected, rtol=rounding(OPERATIONS))
