"""T5 1.1: ids of a text to logits of the answer."""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras

from models.t5.attention import kernel
from models.t5.config import T5Config
from models.t5.stack import T5Stack


class T5(keras.Model):
    """Word embeddings that both stacks share, the stacks, and an output head of its own.

    Call inputs: a mapping with int32 `input_ids` and `input_mask`, both `[batch, seq_len]`, and
    `decoder_input_ids` `[batch, target_len]`, the answer shifted to the right, padding (0) first;
    `prompts`, `[batch, prompt_len, hidden]`, vectors before the text, or None.
    Output: float32 logits `[batch, target_len, vocab]`. Nothing is dropped, so `training` and
    `dropout_seed` change nothing.

    Args:
      config: the sizes.

    Source: Raffel et al. 2020, section 2.1; version 1.1 as released: gated GELU, no dropout in
    pre-training, a head that is not tied to the embeddings.
    """

    def __init__(self, config: T5Config, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.encoder = T5Stack(config, is_decoder=False, name="encoder")
        self.decoder = T5Stack(config, is_decoder=True, name="decoder")
        self.head = kernel(config.vocab_size, "lm_head")
        self.word_embeddings = self.add_weight(
            "word_embeddings",
            shape=(config.vocab_size, config.hidden_dim),
            initializer=keras.initializers.RandomNormal(stddev=1.0),
        )

    def call(self, features, prompts=None, training=False, dropout_seed=None):  # noqa: D102
        encoded, mask = self.encode(features, prompts)
        return self.decode(features["decoder_input_ids"], encoded, mask)

    def encode(self, features, prompts=None) -> tuple[tf.Tensor, tf.Tensor]:
        """The encoder's outputs `[batch, prompt_len + seq_len, hidden]` and their mask."""
        inputs, mask = self._embedded(features["input_ids"]), features["input_mask"]
        if prompts is not None:
            inputs = tf.concat([tf.cast(prompts, inputs.dtype), inputs], axis=1)
            mask = tf.concat([tf.ones(tf.shape(prompts)[:2], mask.dtype), mask], axis=1)
        return self.encoder(inputs, mask), mask

    def decode(self, decoder_input_ids, encoded, mask) -> tf.Tensor:
        """float32 logits `[batch, target_len, vocab]`; arguments as `encode` returns them."""
        inputs = self._embedded(decoder_input_ids)
        decoded = self.decoder(inputs, encoded=encoded, encoded_mask=mask)
        return tf.cast(self.head(decoded), tf.float32)

    def _embedded(self, ids):
        return tf.cast(
            tf.gather(tf.convert_to_tensor(self.word_embeddings), ids), self.compute_dtype
        )
