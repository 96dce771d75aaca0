"""The tensors of a vision transformer: path and shape of every variable, from its sizes alone."""

from __future__ import annotations

from collections.abc import Iterator

import tensorflow as tf
import tf_keras as keras

from models.vit import ViTConfig

Shape = tuple[int, ...]
HEAD = "head/"
PATCH_KERNEL = "encoder/embeddings/patch_projection/kernel"


def tensor_shapes(config: ViTConfig, num_classes: int = 0) -> Iterator[tuple[str, Shape]]:
    """Yields path and shape of every variable, one by one: sizes of a bad file may be absurd.

    Args:
      config: the sizes.
      num_classes: of the head; 0 without one.
    """
    width = config.hidden_dim
    yield PATCH_KERNEL, (config.patch_size**2 * config.channels, width)
    yield "encoder/embeddings/patch_projection/bias", (width,)
    yield "encoder/embeddings/class_token", (width,)
    yield "encoder/embeddings/position_embeddings", (1 + config.grid**2, width)
    for i in range(config.num_layers):
        for path, shape in _block(config):
            yield f"encoder/layer_{i}/{path}", shape
    yield from _norm("encoder/layer_norm", width)
    if num_classes:
        yield from _dense("head", config.pooled_dim, num_classes)


def _block(config: ViTConfig):
    width = config.hidden_dim
    yield from _norm("attention_layer_norm", width)
    for name in ("query", "key", "value", "output"):
        yield from _dense(f"attention/{name}", width, width)
    yield from _norm("output_layer_norm", width)
    yield from _dense("intermediate", width, config.intermediate_dim)
    yield from _dense("output", config.intermediate_dim, width)
    if config.layer_scale is not None:
        yield "attention_layer_scale/gamma", (width,)
        yield "output_layer_scale/gamma", (width,)


def _dense(name: str, inputs: int, units: int):
    yield f"{name}/kernel", (inputs, units)
    yield f"{name}/bias", (units,)


def _norm(name: str, width: int):
    yield f"{name}/gamma", (width,)
    yield f"{name}/beta", (width,)


def variables_by_path(model: keras.Model) -> dict[str, tf.Variable]:
    """Returns the variables of a built `ViTClassifier` by their path below it."""
    return {
        variable.name.removesuffix(":0").split("/", 1)[1]: variable for variable in model.variables
    }
