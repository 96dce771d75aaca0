"""A frozen T5 with a soft prompt, which answers with the words of a class."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
import tf_keras as keras

from models.t5.text_to_text import T5


class PromptedT5Classifier(keras.Model):
    """Scores the words of each class as the answer to a text; the prompt is all that trains.

    Call inputs: int32 `input_ids` and `input_mask`, both `[batch, seq_len]`.
    Output: float32 `[batch, num_classes]`, the log-likelihood of each class's words, in nats.

    The variable `prompt` is float32 `[prompt_length, hidden]`; it stands before the text in the
    encoder. `answers` are the words.

    Args:
      t5: built.
      answers: int32 `[num_classes, answer_len]`, ids of the words of each class, 0 after its end.
      prompt_length: the number of vectors.

    Source: Lester, Al-Rfou and Constant 2021, section 2.
    Differs: the classes are compared with each other alone, in training and in prediction; the
    paper trains on the likelihood among all texts, and generates.
    """

    def __init__(self, t5: T5, answers: np.ndarray, prompt_length: int, **kwargs):
        super().__init__(**kwargs)
        self.t5 = t5
        self.t5.trainable = False
        self.answers = tf.constant(answers, tf.int32)
        self.prompt = self.add_weight(
            "prompt_embeddings",
            shape=(prompt_length, t5.config.hidden_dim),
            initializer=keras.initializers.RandomNormal(stddev=0.5),
            experimental_autocast=False,
        )

    def call(self, features, training=False, dropout_seed=None):  # noqa: D102
        batch, classes = tf.shape(features["input_ids"])[0], self.answers.shape[0]
        prompts = tf.repeat(tf.convert_to_tensor(self.prompt)[tf.newaxis], batch, axis=0)
        encoded, mask = self.t5.encode(features, prompts)
        answers = tf.tile(self.answers, [batch, 1])  # all classes of the first row, of the second
        shifted = tf.pad(answers[:, :-1], [[0, 0], [1, 0]])
        logits = self.t5.decode(
            shifted, tf.repeat(encoded, classes, axis=0), tf.repeat(mask, classes, axis=0)
        )
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(answers, logits)
        losses = tf.where(answers > 0, losses, 0.0)
        return -tf.reshape(tf.reduce_sum(losses, axis=1), [batch, classes])
