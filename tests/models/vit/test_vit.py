import functools

import numpy as np
import pytest
import tensorflow as tf
import vit_numpy
from numeric_bounds import float32_error

from models.vit import SIZES, ViTClassifier, ViTConfig
from models.vit.config import POOLINGS
from pipeline.run.precision import layers_compute_in

# Roundings of the longest single step between two weights: a patch of 4 x 4 x 3 pixels has 48, and
# bias and position 2.
OPERATIONS = 50
LITTLE = {
    "patch_size": 4,
    "hidden_dim": 8,
    "num_layers": 2,
    "num_heads": 2,
    "intermediate_dim": 16,
    "image_size": 12,
    "layer_scale": 0.5,
}


def little_model(seed=1, **overrides):
    """A classifier of 3 classes whose weights are all random, biases and gains too."""
    model = ViTClassifier(ViTConfig(**{**LITTLE, **overrides}), 3)
    model(tf.zeros([1, 12, 12, 3]))
    rng = np.random.default_rng(seed)
    model.set_weights([rng.normal(0, 0.5, w.shape).astype(np.float32) for w in model.get_weights()])
    return model


def weights_by_path(model):
    return {
        v.name.split("/", 1)[1].removesuffix(":0"): v.numpy().astype(np.float64)
        for v in model.trainable_variables
    }


@pytest.mark.parametrize("layer_scale", [0.5, None])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_logits_are_those_of_the_formulas(pooling, layer_scale):
    model = little_model(pooling=pooling, layer_scale=layer_scale)
    weights = weights_by_path(model)
    images = np.random.default_rng(0).normal(size=(2, 12, 12, 3)).astype(np.float32)
    names, arrays = list(weights), list(weights.values())

    def logits(image, *arrays):
        return vit_numpy.logits(image, dict(zip(names, arrays, strict=True)), model.config)

    for image, found in zip(images, model(images).numpy(), strict=True):
        error = float32_error(logits, image, *arrays, operations=OPERATIONS)
        np.testing.assert_allclose(found, logits(image.astype(float), *arrays), rtol=0, atol=error)


def test_a_graph_of_known_shape_computes_the_same():
    model = little_model()
    images = tf.constant(np.random.default_rng(0).normal(size=(2, 12, 12, 3)), tf.float32)
    compiled = tf.function(model)
    weights = weights_by_path(model)
    names = list(weights)

    def logits(*arrays):
        return vit_numpy.logits(
            images[0].numpy().astype(float), dict(zip(names, arrays, strict=True)), model.config
        )

    error = 2 * float32_error(logits, *weights.values(), operations=OPERATIONS)
    np.testing.assert_allclose(compiled(images)[0], model(images)[0], rtol=0, atol=error)


def test_another_resolution_has_other_tokens_and_every_variable_a_gradient():
    model = little_model()
    images = tf.random.normal([2, 20, 16, 3])
    with tf.GradientTape() as tape:
        tokens = model.encoder(images, training=True)
        loss = tf.reduce_sum(model.head(tokens[:, 0]) ** 2)
    assert tokens.shape == [2, 1 + 5 * 4, 8]
    gradients = tape.gradient(loss, model.trainable_variables)
    assert all(gradient is not None for gradient in gradients)


def test_recomputed_blocks_have_the_same_gradients():
    images = tf.random.normal([2, 12, 12, 3])
    found = []
    for recompute in (False, True):
        model = ViTClassifier(ViTConfig(**LITTLE, dropout=0.2), 3, recompute=recompute)
        model(images)
        rng = np.random.default_rng(1)
        model.set_weights([rng.normal(0, 0.5, w.shape) for w in model.get_weights()])
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(
                model(images, training=True, dropout_seed=tf.constant([1, 2])) ** 2
            )
        found.append(tape.gradient(loss, model.trainable_variables))
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_head_begins_at_zero():
    model = ViTClassifier(ViTConfig(**LITTLE), 3)
    np.testing.assert_array_equal(model(tf.random.normal([2, 12, 12, 3])), np.zeros((2, 3)))


@functools.cache
def parameters(size):
    """Weights of the encoder, by hand: patches, tokens and positions, blocks, last norm."""
    c = ViTConfig.named(size)
    width, wide = c.hidden_dim, c.intermediate_dim
    embeddings = c.patch_size**2 * 3 * width + width + width + (1 + c.grid**2) * width
    scales = 2 * width if c.layer_scale else 0
    block = 4 * (width * width + width) + 2 * width * wide + wide + width + 4 * width + scales
    return embeddings + c.num_layers * block + 2 * width


def test_sizes_are_the_published_ones():
    # Dosovitskiy et al. 2021, table 1: 86M, 307M, 632M; Touvron et al. 2021: 5.7M and 22M with a
    # head of 1,000 classes; DINOv2-small: 22M.
    millions = {"B/16": 86, "L/16": 303, "H/14": 631, "S/14": 22}
    assert {size: round(parameters(size) / 1e6) for size in millions} == millions
    assert ViTConfig.named("H/14-36").num_layers == 36
    assert ViTConfig.named("H/14-36").num_heads == 16


def test_the_variables_of_a_size_are_as_many_as_counted():
    model = ViTClassifier(ViTConfig.named("Ti/16"), 2)
    model(tf.zeros([1, 32, 32, 3]))
    assert sum(np.prod(v.shape) for v in model.encoder.trainable_variables) == parameters("Ti/16")
    assert set(SIZES) == {"Ti/16", "S/16", "B/16", "L/16", "H/14", "H/14-36", "S/14"}


def test_bfloat16_keeps_weights_and_logits_float32():
    with layers_compute_in("bfloat16"):
        model = ViTClassifier(ViTConfig(**LITTLE), 3)
        logits = model(tf.zeros([1, 12, 12, 3]))
    assert logits.dtype == tf.float32
    assert model.encoder(tf.zeros([1, 12, 12, 3])).dtype == tf.bfloat16
    assert {v.dtype for v in model.trainable_variables} == {tf.float32}
