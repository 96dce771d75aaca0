"""Against NumPy written from the papers, and facts that need no reference."""

import dataclasses
import math

import numpy as np
import pytest
import tensorflow as tf

from models.transformer_block import SelfAttention, TransformerBlock, gelu, layer_norm

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


def attention_by_loops(layer, hidden_states, num_heads=2):
    """Vaswani et al. 2017, section 3.2, one query at a time; padding is left out of the sum."""
    dense = {
        name: [weight.numpy().astype(np.float64) for weight in getattr(layer, name).weights]
        for name in ("query", "key", "value", "output_dense")
    }
    size = hidden_states.shape[-1] // num_heads
    result = np.zeros(hidden_states.shape)
    for row, states in enumerate(hidden_states.astype(np.float64)):
        query, key, value = (
            states @ dense[name][0] + dense[name][1] for name in ("query", "key", "value")
        )
        real = np.flatnonzero(MASK[row])
        for place in range(len(states)):
            context = []
            for head in range(num_heads):
                part = slice(head * size, (head + 1) * size)
                scores = [query[place, part] @ key[k, part] / math.sqrt(size) for k in real]
                weights = np.exp(scores) / np.exp(scores).sum()
                context.append(weights @ value[real, part])
            kernel, bias = dense["output_dense"]
            result[row, place] = np.concatenate(context) @ kernel + bias
    return result


def test_attention_equals_loops_over_heads_and_queries(bert_config, hidden_states):
    layer = built(SelfAttention(bert_config, 0), hidden_states)
    expected = attention_by_loops(layer, hidden_states)
    np.testing.assert_allclose(layer(hidden_states, MASK), expected, rtol=1e-4, atol=1e-5)


def test_padding_changes_no_real_position(bert_config, hidden_states):
    block = built(TransformerBlock(bert_config, 0), hidden_states)
    other = np.where(MASK[..., None] == 1, hidden_states, 9.0)
    real = MASK.astype(bool)
    np.testing.assert_allclose(
        block(other, MASK).numpy()[real], block(hidden_states, MASK).numpy()[real], rtol=1e-5
    )


def test_order_of_the_positions_is_nothing_to_a_block(bert_config, hidden_states):
    block = built(TransformerBlock(bert_config, 0), hidden_states)
    order = [3, 0, 4, 2, 1]
    moved = block(hidden_states[:, order], MASK[:, order])
    expected = block(hidden_states, MASK).numpy()[:, order]
    np.testing.assert_allclose(moved, expected, rtol=1e-4, atol=1e-5)


def test_block_without_kernels_is_the_layer_norm_of_its_input(bert_config, hidden_states):
    block = TransformerBlock(bert_config, 0)
    block(hidden_states, MASK)
    for weight in block.weights:
        if "kernel" in weight.name:
            weight.assign(tf.zeros_like(weight))
    centred = hidden_states - hidden_states.mean(axis=-1, keepdims=True)
    expected = centred / centred.std(axis=-1, keepdims=True)
    np.testing.assert_allclose(block(hidden_states, MASK), expected, rtol=1e-4, atol=1e-5)


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


def test_gelu_is_close_to_the_exact_one():
    inputs = np.linspace(-4, 4, 41)
    exact = [x * 0.5 * (1 + math.erf(x / math.sqrt(2))) for x in inputs]
    outputs = gelu(tf.constant(inputs, tf.float32))
    np.testing.assert_allclose(outputs, exact, atol=5e-4)
    # The tanh form, not the exact one: at 1 they are 0.841192 and 0.841345.
    np.testing.assert_allclose(gelu(tf.constant(1.0)), 0.841192, atol=2e-6)


def test_layer_norm_has_berts_epsilon():
    norm = layer_norm("norm")
    # Deviation 1e-4: with the Keras default of 1e-3 the result would be 0.003 instead of 1.
    np.testing.assert_allclose(norm(tf.constant([[-1e-4, 1e-4]])), [[-1.0, 1.0]], rtol=1e-3)
