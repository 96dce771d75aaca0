"""The encoder of a vision transformer: patches, class token, positions, blocks, layer norm."""

from __future__ import annotations

import functools

import tensorflow as tf
import tf_keras as keras

from models.layer_norm import LayerNorm
from models.projection import Projection
from models.seeded_dropout import SeededDropout, drawn_seed
from models.transformer_block import truncated_normal
from models.vit.block import PreNormBlock
from models.vit.config import ViTConfig
from models.vit.positions import positions_at

_SITES_PER_BLOCK = 3


class ViTEmbeddings(keras.layers.Layer):
    """Patches as vectors behind a class token, plus their positions, and dropout.

    Call inputs: those of `ViTEncoder`.
    Output: `[batch, tokens, hidden]`.

    Variables: `patch_projection/kernel` `[patch * patch * channels, hidden]`, whose rows are the
    pixels of a patch, row by row, channels last; `class_token` `[hidden]`; `position_embeddings`
    `[1 + grid * grid, hidden]`, the class token first.

    Source: Dosovitskiy et al. 2021, equation 1.
    """

    def __init__(self, config: ViTConfig, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.patch_projection = Projection(
            config.hidden_dim, truncated_normal(config), name="patch_projection"
        )
        self.dropout = SeededDropout(config.dropout, site=0)

    def build(self, input_shape):  # noqa: D102
        config = self.config
        self.class_token, self.position_embeddings = (
            self.add_weight(
                name,
                shape=shape,
                initializer=truncated_normal(config),
                experimental_autocast=False,
            )
            for name, shape in (
                ("class_token", (config.hidden_dim,)),
                ("position_embeddings", (1 + config.grid**2, config.hidden_dim)),
            )
        )
        super().build(input_shape)

    def call(self, images, training=False, dropout_seed=None):  # noqa: D102
        config, (batch, height, width, _) = self.config, images.shape
        rows, columns = config.patches(height, width)
        pixels = tf.nn.space_to_depth(images, config.patch_size)
        pixels = tf.reshape(pixels, [-1, rows * columns, pixels.shape[-1]])
        patches = self.patch_projection(tf.cast(pixels, self.compute_dtype))
        patches = tf.cast(patches, tf.float32) + self.patch_projection.bias
        first = tf.broadcast_to(self.class_token, [tf.shape(patches)[0], 1, config.hidden_dim])
        positions = positions_at(
            tf.convert_to_tensor(self.position_embeddings), config.grid, rows, columns
        )
        tokens = tf.concat([first, patches], 1) + positions
        tokens = tf.ensure_shape(tokens, [batch, 1 + rows * columns, config.hidden_dim])
        tokens = self.dropout(tokens, training=training, seed=dropout_seed)
        return tf.cast(tokens, self.compute_dtype)


class ViTEncoder(keras.layers.Layer):
    """Embeddings, `num_layers` blocks and a layer norm.

    Call inputs: `images` `[batch, height, width, channels]`, normalised, of any float dtype; height
    and width are static multiples of the patch. `training` turns dropout on; `dropout_seed`, int32
    `[2]`, or None to draw from the global generator.
    Output: `[batch, tokens, hidden]`: the class token, then the patches row by row.

    Images of another size than `config.image_size` interpolate the table of positions, see
    `positions_at`; it is trained through that.

    Args:
      config: the sizes.
      recompute: whether the backward pass computes every block again from its input instead of
        keeping what is between, as in `BertEncoder`.

    Source: Dosovitskiy et al. 2021 (arXiv 2010.11929), section 3.1.
    """

    def __init__(self, config: ViTConfig, recompute: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.recompute = recompute
        self.embeddings = ViTEmbeddings(config, name="embeddings")
        self.blocks = [
            PreNormBlock(config, first_site=1 + _SITES_PER_BLOCK * i, name=f"layer_{i}")
            for i in range(config.num_layers)
        ]
        self.layer_norm = LayerNorm(config.layer_norm_epsilon, name="layer_norm")

    def call(self, images, training=False, dropout_seed=None):  # noqa: D102
        if training and dropout_seed is None:
            # Drawn here and not in each dropout, because a block may run twice (`recompute`).
            dropout_seed = drawn_seed()
        hidden_states = self.embeddings(images, training=training, dropout_seed=dropout_seed)
        for block in self.blocks:
            run = functools.partial(block, training=training, dropout_seed=dropout_seed)
            if training and self.recompute and block.built:
                run = tf.recompute_grad(run)
            hidden_states = run(hidden_states)
        return self.layer_norm(hidden_states)
