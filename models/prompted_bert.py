"""A frozen BERT with trained vectors before its tokens: one soft prompt, or many in one batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tf_keras as keras

from models.bert_classifier import BertClassifier
from models.bert_config import BertConfig
from models.bert_encoder import BertEncoder
from models.fused.norms import layer_norm
from models.transformer_block import truncated_normal


def prompt_outputs(
    encoder: BertEncoder,
    features: Mapping[str, tf.Tensor],
    prompts: tf.Tensor,
    prompt_mask: tf.Tensor,
    training: bool = False,
    dropout_seed: tf.Tensor | None = None,
) -> tf.Tensor:
    """The mean of the encoder's outputs at the vectors of each row's prompt.

    A vector stands for the sum of a token's three embeddings, before their layer norm. The prompt
    comes before [CLS]; the positions of the text stay what they are, and the text may be as long as
    without a prompt.

    Args:
      encoder: built.
      features: those of `BertEncoder`, of rows with one sequence each.
      prompts: `[batch, prompt_len, hidden]`.
      prompt_mask: int32 `[batch, prompt_len]`, 1 on vectors and 0 on padding; at least one 1 a row.
      training: turns dropout on.
      dropout_seed: as of `BertEncoder`.

    Returns:
      float32 `[batch, hidden]`.
    """
    modes = {"training": training, "dropout_seed": dropout_seed}
    embeddings = encoder.embeddings
    hidden_states = embeddings(features["input_ids"], features["segment_ids"], **modes)
    norm = embeddings.layer_norm
    gain_and_offset = tf.convert_to_tensor(norm.gamma), tf.convert_to_tensor(norm.beta)
    prompts = layer_norm(prompts, *gain_and_offset, norm.epsilon)
    hidden_states = tf.concat([tf.cast(prompts, hidden_states.dtype), hidden_states], axis=1)
    input_mask = tf.concat([prompt_mask, features["input_mask"]], axis=1)
    for block in encoder.blocks:
        # Nothing reads what the last block would make of the text.
        num_queries = prompts.shape[1] if block is encoder.blocks[-1] else None
        hidden_states = block(hidden_states, input_mask, num_queries=num_queries, **modes)
    weights = tf.cast(prompt_mask, tf.float32)[:, :, tf.newaxis]
    sums = tf.reduce_sum(tf.cast(hidden_states, tf.float32) * weights, axis=1)
    return sums / tf.reduce_sum(weights, axis=1)


class PromptedBertClassifier(BertClassifier):
    """A frozen encoder, a soft prompt, and one dense layer on the mean of the outputs at it.

    Prompt and head are all that trains: the encoder has neither gradients nor optimizer state.

    Call inputs: int32 `input_ids`, `input_mask` and `segment_ids`, each `[batch, seq_len]`.
    Output: float32 logits `[batch, num_outputs]`; one output is the score of a regression.

    The variable `prompt` is float32 `[prompt_length, hidden]`, see `prompt_outputs`.

    Args:
      config: the sizes of the encoder.
      num_outputs: the number of classes, or 1 for a regression.
      prompt_length: the number of vectors.

    Source: Lester, Al-Rfou and Constant 2021, section 2.
    Differs: an encoder has no words to answer with, so a linear head is trained with the prompt.
    """

    def __init__(self, config: BertConfig, num_outputs: int, prompt_length: int, **kwargs):
        super().__init__(config, num_outputs, **kwargs)
        self.encoder.trainable = False
        self.prompt = self.add_weight(
            "prompt_embeddings",
            shape=(prompt_length, config.hidden_dim),
            initializer=truncated_normal(config),
            experimental_autocast=False,
        )

    def call(self, features, training=False, dropout_seed=None):  # noqa: D102
        batch = tf.shape(features["input_ids"])[0]
        prompt = tf.convert_to_tensor(self.prompt)
        outputs = prompt_outputs(
            self.encoder,
            features,
            tf.repeat(prompt[tf.newaxis], batch, axis=0),
            tf.ones([batch, prompt.shape[0]], tf.int32),
            training,
            dropout_seed,
        )
        return self.head(self.dropout(outputs, training=training, seed=dropout_seed))


class PromptAndHead(NamedTuple):
    """What one task has of its own, all float32.

    Attributes:
      prompt: `[prompt_length, hidden]`.
      kernel: `[hidden, num_outputs]`.
      bias: `[num_outputs]`.
    """

    prompt: np.ndarray
    kernel: np.ndarray
    bias: np.ndarray


class PromptedBert(keras.Model):
    """A frozen encoder that many tasks use at once: each row of a batch names its task.

    Call inputs: those of `PromptedBertClassifier`, and int32 `task_index` `[batch]`.
    Output: float32 logits `[batch, outputs]`, as many as the task with the most has; those that a
    task does not have are 0.

    Args:
      encoder: built.
      tasks: prompt and head of each, of any length and number of outputs.
    """

    def __init__(self, encoder: BertEncoder, tasks: Sequence[PromptAndHead], **kwargs):
        super().__init__(**kwargs)
        self.encoder = encoder
        self.encoder.trainable = False
        lengths = np.array([len(task.prompt) for task in tasks])
        self.prompts = _stacked([task.prompt for task in tasks])
        self.masks = tf.constant(np.arange(lengths.max()) < lengths[:, None], tf.int32)
        self.kernels = _stacked([task.kernel for task in tasks])
        self.biases = _stacked([task.bias for task in tasks])

    def call(self, features):  # noqa: D102
        task = features["task_index"]
        outputs = prompt_outputs(
            self.encoder, features, tf.gather(self.prompts, task), tf.gather(self.masks, task)
        )
        products = tf.einsum("bh,bho->bo", outputs, tf.gather(self.kernels, task))
        return products + tf.gather(self.biases, task)


def _stacked(arrays: Sequence[np.ndarray]) -> tf.Tensor:
    """One tensor of arrays of equal rank, filled up with zeros: `[len(arrays), ...]`."""
    largest = np.max([array.shape for array in arrays], axis=0)
    padded = np.zeros([len(arrays), *largest], np.float32)
    for row, array in zip(padded, arrays, strict=True):
        row[tuple(slice(size) for size in array.shape)] = array
    return tf.constant(padded)
