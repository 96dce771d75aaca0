"""Classification tasks: a multi-layer perceptron and a small vision transformer on grey images."""

from __future__ import annotations

import functools

import numpy as np
import tensorflow as tf

from pipeline.lab.meta_training.settings import TaskSettings
from pipeline.lab.meta_training.tasks import transformer
from pipeline.lab.meta_training.tasks.task import Task, split

NUM_CLASSES = 10
# Images are few: of 72 rows a few hard ones would decide.
HELDOUT_FRACTION = 0.2
PATCHES_PER_SIDE = 4


def classifier_task(
    name: str, settings: TaskSettings, images: np.ndarray, labels: np.ndarray
) -> Task:
    """Returns the task to distinguish ten classes.

    Args:
        name: of the task.
        settings: sizes; `kind` is "mlp" or "vit".
        images: float32 `[num_images, height, width, 1]`; a ViT needs sides that 4 divides.
        labels: int32 `[num_images]`.
    """
    is_mlp = settings.kind == "mlp"
    pixels = _pooled(images, settings.pooling) if is_mlp else _patches(images)
    # The digits come writer by writer: unshuffled, the held-out ones are of other writers, and a
    # better fit of the training images gives a worse score.
    order = np.random.default_rng(0).permutation(len(labels))
    train, heldout = split(
        pixels[order].astype(np.float32),
        labels[order].astype(np.int32),
        heldout_fraction=HELDOUT_FRACTION,
    )
    make_weights, logits = _MODELS[settings.kind]
    frequencies = np.bincount(train[1], minlength=NUM_CLASSES) / len(train[1])
    return Task(
        name=name,
        num_steps=settings.num_steps,
        batch_size=settings.batch_size,
        labels_per_row=1,
        knows_length=settings.knows_length,
        train=train,
        heldout=heldout,
        initial_weights=functools.partial(make_weights, settings, pixels.shape[1:]),
        make_batch=lambda rows, seed: rows,
        loss=functools.partial(_loss, functools.partial(logits, settings)),
        plateau=float(-np.log(frequencies)[heldout[1]].mean()),
    )


def _pooled(images: np.ndarray, side: int) -> np.ndarray:
    """Means over squares of pixels, flat; what is left over at the lower and right edge is cut."""
    count, height, width = images.shape[:3]
    tall, wide = height // side, width // side
    squares = images[:, : tall * side, : wide * side].reshape(count, tall, side, wide, side)
    return squares.mean(axis=(2, 4)).reshape(count, -1)


def _patches(images: np.ndarray) -> np.ndarray:
    """Cuts images into 4 x 4 patches, `[num_images, 16, pixels of a patch]`."""
    count, height, width = images.shape[:3]
    tall, wide = height // PATCHES_PER_SIDE, width // PATCHES_PER_SIDE
    grid = images.reshape(count, PATCHES_PER_SIDE, tall, PATCHES_PER_SIDE, wide)
    return grid.transpose(0, 1, 3, 2, 4).reshape(count, PATCHES_PER_SIDE**2, tall * wide)


def _scaled(rng: np.random.Generator, name: str, inputs: int, outputs: int) -> dict:
    """A dense layer of deviation 1 / sqrt(inputs): without norms BERT's is too small."""
    layer = transformer.dense_weights(rng, name, inputs, outputs)
    kernel = rng.standard_normal((inputs, outputs)) / np.sqrt(inputs)
    return layer | {f"{name}/kernel": kernel.astype(np.float32)}


def _mlp_weights(settings: TaskSettings, shape: tuple[int], rng: np.random.Generator) -> dict:
    sizes = [*shape, *[settings.width] * settings.num_layers, NUM_CLASSES]
    weights = {}
    for i, (inputs, outputs) in enumerate(zip(sizes[:-1], sizes[1:], strict=True)):
        weights |= _scaled(rng, f"dense_{i}", inputs, outputs)
    return weights


def _mlp_logits(settings: TaskSettings, weights: transformer.Weights, pixels: tf.Tensor):
    hidden = pixels
    for i in range(settings.num_layers):
        hidden = tf.nn.relu(transformer.dense(weights, f"dense_{i}", hidden))
    return transformer.dense(weights, f"dense_{settings.num_layers}", hidden)


def _vit_weights(settings: TaskSettings, shape: tuple[int, int], rng: np.random.Generator) -> dict:
    num_patches, pixels = shape
    return {
        **_scaled(rng, "patch_projection", pixels, settings.width),
        "embeddings/position": transformer.normal(rng, num_patches, settings.width),
        **transformer.norm_weights("embeddings_layer_norm", settings.width),
        **transformer.encoder_weights(rng, settings.width, settings.num_layers),
        **transformer.dense_weights(rng, "classifier", settings.width, NUM_CLASSES),
    }


def _vit_logits(settings: TaskSettings, weights: transformer.Weights, patches: tf.Tensor):
    hidden = transformer.dense(weights, "patch_projection", patches)
    hidden = transformer.layer_norm(
        weights, "embeddings_layer_norm", hidden + weights["embeddings/position"]
    )
    hidden = transformer.encode(
        weights, hidden, num_layers=settings.num_layers, num_heads=settings.num_heads
    )
    return transformer.dense(weights, "classifier", tf.reduce_mean(hidden, axis=1))


def _loss(logits, weights: transformer.Weights, batch) -> tf.Tensor:
    images, labels = batch
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits(weights, images))
    )


_MODELS = {"mlp": (_mlp_weights, _mlp_logits), "vit": (_vit_weights, _vit_logits)}
