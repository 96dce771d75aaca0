"""Trains a `BertClassifier` on one task: encoded examples to predictions.

Every random choice is a function of (seed, step): the order of the examples in
an epoch, the dropout masks, the initial weights of the head.
"""

import math
import sys
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from models.bert_classifier import BertClassifier
from pipeline.glue.reader import MAX_SCORE
from pipeline.glue.settings import FineTuningSettings
from pipeline.optimizers.base import evaluation_weights
from pipeline.optimizers.from_recipe import make_optimizer
from pipeline.recipes.sections import OptimizerConfig

_STEPS_PER_REPORT = 20


def batch_indices(num_examples: int, settings: FineTuningSettings) -> Iterator[np.ndarray]:
    """Yields int32 `[batch]` indices without end: one permutation per epoch, joined.

    A batch may reach into the next epoch, so no example is ever left out.
    """
    pending = np.zeros([0], dtype=np.int32)
    epoch = 0
    while True:
        while len(pending) < settings.batch_size:
            order = np.random.RandomState([settings.seed, epoch]).permutation(num_examples)
            pending = np.concatenate([pending, order.astype(np.int32)])
            epoch += 1
        yield pending[: settings.batch_size]
        pending = pending[settings.batch_size :]


def task_loss(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Mean loss of a batch, `[]`: cross-entropy in nats, or squared error.

    Args:
      logits: `[batch, num_outputs]`.
      labels: int32 `[batch]` classes, or float32 scores in [0, 5].

    Differs: scores are regressed on [-1, 1] instead of [0, 5], so that a new head
    starts at the middle of the scale; correlations are the same on either scale.
    """
    if labels.dtype.is_floating:
        targets = labels * (2.0 / MAX_SCORE) - 1.0
        return tf.reduce_mean(tf.square(logits[:, 0] - targets))
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    )


def optimizer_config(settings: FineTuningSettings) -> OptimizerConfig:
    """The optimizer of a task, as a recipe would describe it.

    Raises:
      ValueError: If a setting has no effect on this optimizer.
    """
    return OptimizerConfig(
        name=settings.optimizer,
        learning_rate=settings.learning_rate,
        warmup_fraction=settings.warmup_fraction,
        weight_decay=settings.weight_decay,
    )


def train(
    model: BertClassifier,
    features: Mapping[str, np.ndarray],
    labels: np.ndarray,
    *,
    settings: FineTuningSettings,
    description: str,
    after_epoch: Callable[[int], None] | None = None,
) -> int:
    """Fine-tunes in place, with a progress bar on stderr.

    Args:
      model: Built and initialised.
      features: int32 `[num_examples, seq_len]` each.
      labels: `[num_examples]`, as for `task_loss`.
      settings: See `FineTuningSettings`.
      description: Label of the progress bar.
      after_epoch: Called with the number of each epoch that ends (1, 2, ...), while `model` holds
        the weights to evaluate.

    Returns:
      The number of steps done.

    Raises:
      FloatingPointError: If the loss is not finite; names the steps.
    """
    num_train_steps = settings.num_train_steps(len(labels))
    optimizer = make_optimizer(optimizer_config(settings), num_train_steps, settings.batch_size)
    optimizer.build(model.trainable_variables)
    train_step = _make_train_step(model, optimizer, labels.dtype)
    batches = batch_indices(len(labels), settings)
    epoch_ends = settings.epoch_ends(len(labels)) if after_epoch else {}
    # A terminal is redrawn twice a second; a log file gets a line every ten seconds.
    with tqdm(
        total=num_train_steps,
        desc=description,
        unit="step",
        dynamic_ncols=True,
        mininterval=0.5 if sys.stderr.isatty() else 10.0,
    ) as bar:
        for step in range(1, num_train_steps + 1):
            rows = next(batches)
            seed = tf.constant([settings.seed, step])
            loss = train_step(_batch(features, rows), labels[rows], seed)
            if step % _STEPS_PER_REPORT == 0 or step == num_train_steps:
                _report(bar, float(loss), step, settings)
            if step in epoch_ends:
                with evaluation_weights(optimizer, model.trainable_variables):
                    after_epoch(epoch_ends[step])
    # Schedule-Free AdamW is evaluated at an average of the weights that it trained.
    optimizer.finalize_variable_values(model.trainable_variables)
    return num_train_steps


def _compiles() -> bool:
    """Whether steps are compiled by XLA: on an accelerator, the whole step as one.

    On a CPU a compiled step of BERT-tiny takes twice as long, and compiling takes
    longer than many tasks.
    """
    return bool(tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("TPU"))


_BATCH_SPEC = {
    name: tf.TensorSpec([None, None], tf.int32)
    for name in ("input_ids", "input_mask", "segment_ids")
}


def _batch(features: Mapping[str, np.ndarray], rows: np.ndarray) -> dict[str, np.ndarray]:
    """The examples of `rows`, int32 `[batch, seq_len]`.

    Where nothing is compiled for one shape, columns of padding alone are cut off: the
    sentences of SST-2 have 13 tokens on average, and padding costs as much as text.
    """
    width = features["input_ids"].shape[1]
    if not _compiles():
        width = int(features["input_mask"][rows].sum(axis=1).max())
    return {name: values[rows, :width] for name, values in features.items()}


def _make_train_step(model: BertClassifier, optimizer, label_dtype: np.dtype) -> Callable:
    # The step is compiled as a whole or not at all, never the update alone.
    optimizer.jit_compile = False
    signature = [
        _BATCH_SPEC,
        tf.TensorSpec([None], label_dtype),
        tf.TensorSpec([2], tf.int32),
    ]

    @tf.function(input_signature=signature, jit_compile=_compiles())
    def train_step(batch, labels, dropout_seed):
        with tf.GradientTape() as tape:
            logits = model(batch, training=True, dropout_seed=dropout_seed)
            loss = task_loss(logits, labels)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    return train_step


def _report(bar: tqdm, loss: float, step: int, settings: FineTuningSettings) -> None:
    if not math.isfinite(loss):
        raise FloatingPointError(
            f"{bar.desc}: expected a finite loss, received {loss} between steps "
            f"{max(1, step - _STEPS_PER_REPORT + 1)} and {step}; try a smaller --learning_rate "
            f"than {settings.learning_rate:g}"
        )
    rate = bar.format_dict["rate"] or step / max(bar.format_dict["elapsed"], 1e-9)
    bar.set_postfix_str(
        f"loss {loss:.3f}, {rate * settings.batch_size:,.0f} examples/s", refresh=False
    )
    bar.update(step - bar.n)


def predict(
    model: BertClassifier, features: Mapping[str, np.ndarray], *, batch_size: int
) -> np.ndarray:
    """Returns float32 logits `[num_examples, num_outputs]`."""

    @tf.function(input_signature=[_BATCH_SPEC], jit_compile=_compiles())
    def logits_of(batch):
        return model(batch, training=False)

    num_examples = len(features["input_ids"])
    outputs = []
    for start in range(0, num_examples, batch_size):
        # The last batch is filled up with its first rows: one shape, one compilation.
        rows = np.arange(start, start + batch_size) % num_examples
        outputs.append(logits_of(_batch(features, rows)))
    return np.concatenate([np.asarray(part) for part in outputs])[:num_examples]


def predictions_from_logits(logits: np.ndarray, *, is_regression: bool) -> np.ndarray:
    """Classes int64 `[num_examples]`, or scores clipped to [0, 5]."""
    if is_regression:
        return np.clip((logits[:, 0] + 1.0) * (MAX_SCORE / 2.0), 0.0, MAX_SCORE)
    return logits.argmax(axis=-1)
