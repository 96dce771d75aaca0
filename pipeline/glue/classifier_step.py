"""One step of fine-tuning: a batch of examples to a loss and an update.

On a CPU a step is an ordinary graph for all widths of a batch, whose parts between two matrix
products are compiled for each width (`models.fused.compilation`), and so is the update. A training
of few steps does without: compiling would take longer. On an accelerator a whole step is one XLA
program for each width.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from models.bert_classifier import BertClassifier
from models.fused.compilation import compiled_at_unknown_shapes
from pipeline import length_batches
from pipeline.glue.task import MAX_SCORE

# Compiling the parts of a step takes a CPU about as long as it saves in so many steps of BERT-mini:
# some 10 s against 0.05 to 0.1 s a step. Rough: the saving depends on the width.
_COMPILING_PAYS_FROM = 200

BATCH_SPEC = {
    name: tf.TensorSpec([None, None], tf.int32)
    for name in ("input_ids", "input_mask", "segment_ids")
}


def task_loss(
    logits: tf.Tensor, labels: tf.Tensor, score_range: tuple[float, float] = (0.0, MAX_SCORE)
) -> tf.Tensor:
    """Mean loss of a batch, `[]`: cross-entropy in nats, or squared error.

    Args:
      logits: `[batch, num_outputs]`.
      labels: int32 `[batch]` classes, or float32 scores.
      score_range: The lowest and the highest score.

    Differs: scores are regressed on [-1, 1] instead of their range, so that a new head
    starts at the middle of the scale; correlations are the same on either scale.
    """
    if labels.dtype.is_floating:
        low, high = score_range
        targets = (labels - low) * (2.0 / (high - low)) - 1.0
        return tf.reduce_mean(tf.square(logits[:, 0] - targets))
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    )


def what_is_compiled(num_train_steps: int) -> str:
    """What XLA compiles of a step: on an accelerator the whole "step", on a CPU its "parts".

    "nothing" where a training is so short that compiling would take longer. A whole step of
    BERT-tiny, compiled on a CPU, takes twice as long.
    """
    if on_accelerator():
        return "step"
    return "parts" if num_train_steps >= _COMPILING_PAYS_FROM else "nothing"


def lengths_of(features: Mapping[str, np.ndarray]) -> np.ndarray:
    """Tokens of each example without padding, int `[num_examples]`."""
    return features["input_mask"].sum(axis=1)


def cut(features: Mapping[str, np.ndarray], batch: length_batches.Batch) -> dict[str, np.ndarray]:
    """The examples of a batch, int32 `[batch, width]`: columns of padding alone are cut off."""
    width = min(batch.width, features["input_ids"].shape[1])
    return {name: values[batch.rows, :width] for name, values in features.items()}


def make_train_step(
    model: BertClassifier,
    optimizer,
    label_dtype: np.dtype,
    *,
    compiled: str,
    score_range: tuple[float, float] = (0.0, MAX_SCORE),
) -> Callable:
    """Returns `train_step(batch, labels, dropout_seed) -> loss`.

    Args:
      model: Built.
      optimizer: Not yet built.
      label_dtype: int32 classes or float32 scores.
      compiled: As of `what_is_compiled`.
      score_range: As of `task_loss`.
    """
    # Compiled by itself on a CPU alone: part of a compiled step, or not at all.
    optimizer.jit_compile = compiled == "parts"
    optimizer.build(model.trainable_variables)
    variables = model.trainable_variables

    # A function by itself is traced once for all widths.
    @tf.function
    def update(*gradients):
        optimizer.apply_gradients(zip(gradients, variables, strict=True))

    def train_step(batch, labels, dropout_seed):
        with tf.GradientTape() as tape:
            logits = model(batch, training=True, dropout_seed=dropout_seed)
            loss = task_loss(logits, labels, score_range)
        update(*(tf.convert_to_tensor(each) for each in tape.gradient(loss, variables)))
        return loss

    if compiled == "step":  # one program for each width, known when it is traced
        return tf.function(train_step, jit_compile=True)
    if compiled == "parts":
        train_step = compiled_at_unknown_shapes()(train_step)
    labels_spec, seed_spec = tf.TensorSpec([None], label_dtype), tf.TensorSpec([2], tf.int32)
    return tf.function(train_step, input_signature=[BATCH_SPEC, labels_spec, seed_spec])


def on_accelerator() -> bool:
    """Whether TensorFlow sees a GPU or a TPU."""
    return bool(tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("TPU"))


def width_cost(compiled: str) -> int:
    """What one more width costs, see `length_batches`; nothing where nothing is compiled."""
    if compiled == "nothing":
        return 0
    on_cpu = compiled == "parts"
    return length_batches.WIDTH_COST_ON_CPU if on_cpu else length_batches.WIDTH_COST_ON_ACCELERATOR
