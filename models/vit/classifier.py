"""A vision transformer with a head for classes."""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras

from models.vit.config import CLASS_TOKEN, ViTConfig
from models.vit.encoder import ViTEncoder


def pool(tokens: tf.Tensor, pooling: str) -> tf.Tensor:
    """Returns what the head reads, `[batch, pooled]`, in the dtype of the tokens.

    Args:
      tokens: `[batch, tokens, hidden]`, of `ViTEncoder`.
      pooling: as in `ViTConfig`.

    Source: class token: Dosovitskiy et al. 2021, equation 4; with the mean: Oquab et al. 2023
    (arXiv 2304.07193), section 7.1.
    """
    if pooling == CLASS_TOKEN:
        return tokens[:, 0]
    return tf.concat([tokens[:, 0], tf.reduce_mean(tokens[:, 1:], 1)], -1)


class ViTClassifier(keras.Model):
    """The encoder and one dense layer on what `pool` takes from it.

    Call inputs: those of `ViTEncoder`.
    Output: float32 logits `[batch, num_classes]`.

    The head begins at zero: a pre-trained encoder is not moved by a random one, and the first loss
    is the logarithm of the number of classes.

    Args:
      config: the sizes of the encoder, and the pooling.
      num_classes: two or more.
      recompute: as in `ViTEncoder`.

    Source: Dosovitskiy et al. 2021 (arXiv 2010.11929), section 3.2.
    """

    def __init__(self, config: ViTConfig, num_classes: int, recompute: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.encoder = ViTEncoder(config, recompute, name="encoder")
        self.head = keras.layers.Dense(
            num_classes, kernel_initializer="zeros", name="head", dtype="float32"
        )

    def call(self, images, training=False, dropout_seed=None):  # noqa: D102
        tokens = self.encoder(images, training=training, dropout_seed=dropout_seed)
        return self.head(pool(tokens, self.config.pooling))
