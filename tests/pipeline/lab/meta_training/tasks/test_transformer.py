import numpy as np
import pytest
import tensorflow as tf

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
    np.testing.assert_allclose(
        transformer.encode(weights, hidden, num_layers=1, num_heads=2),
        block(hidden, tf.ones([3, 5], tf.int32)),
        rtol=1e-4,
        atol=1e-5,
    )


@pytest.mark.parametrize("num_layers", [1, 3])
def test_initial_weights_are_those_of_bert(num_layers):
    weights = transformer.encoder_weights(np.random.default_rng(0), 16, num_layers)
    assert len(weights) == 16 * num_layers
    kernels = np.concatenate([w.ravel() for name, w in weights.items() if "kernel" in name])
    assert np.std(kernels) == pytest.approx(0.02, rel=0.05)
    assert all(value.dtype == np.float32 for value in weights.values())
