import numpy as np
import pytest
import tensorflow as tf
from numeric_bounds import float32_error

from models import BertConfig
from models.transformer_block import TransformerBlock
from pipeline.lab.meta_training.tasks import transformer

# Our names, and those of the Keras block.
NAMES = {
    "query": "attention/query",
    "key": "attention/key",
    "value": "attention/value",
    "attention_output": "attention/output",
    "attention_layer_norm": "attention_layer_norm",
    "intermediate": "intermediate",
    "output": "output",
    "output_layer_norm": "output_layer_norm",
}


def test_a_block_equals_the_keras_block():
    config = BertConfig(
        vocab_size=10,
        hidden_dim=8,
        num_layers=1,
        num_heads=2,
        intermediate_dim=32,
        dropout=0.0,
        attention_dropout=0.0,
    )
    rng = np.random.default_rng(0)
    hidden = tf.constant(rng.standard_normal([3, 5, 8]), tf.float32)
    block = TransformerBlock(config, 0)
    block(hidden, tf.ones([3, 5], tf.int32))
    weights = transformer.encoder_weights(rng, 8, 1)
    assert len(weights) == len(block.trainable_variables)
    for name in weights:
        weights[name] = (weights[name] + 0.3 * rng.standard_normal(weights[name].shape)).astype("f")
        _, layer, part = name.split("/")
        keras_name = f"{block.name}/{NAMES[layer]}/{part}:0"
        (variable,) = [v for v in block.trainable_variables if v.name == keras_name]
        variable.assign(weights[name])

    def encode(hidden, *values):
        by_name = dict(zip(weights, values, strict=True))
        return transformer.encode(by_name, tf.constant(hidden), num_layers=1, num_heads=2).numpy()

    # Between two weights the product of width 32 has most roundings, 33; both blocks have them.
    error = float32_error(encode, hidden, *weights.values(), operations=33)
    expected = block(hidden, tf.ones([3, 5], tf.int32))
    found = encode(hidden, *weights.values())
    np.testing.assert_allclose(found, expected, rtol=0, atol=2 * error)


@pytest.mark.parametrize("num_layers", [1, 3])
def test_initial_weights_are_those_of_bert(num_layers):
    weights = transformer.encoder_weights(np.random.default_rng(0), 16, num_layers)
    assert len(weights) == 16 * num_layers
    kernels = np.concatenate([w.ravel() for name, w in weights.items() if "kernel" in name])
    # 3,072 draws for one layer at least: a deviation is known to 1 / sqrt(2 n), 1.3 %; drawn from a
    # truncated normal it varies less. Four of them.
    assert np.std(kernels) == pytest.approx(0.02, rel=4 / np.sqrt(2 * len(kernels)))
    assert all(value.dtype == np.float32 for value in weights.values())
