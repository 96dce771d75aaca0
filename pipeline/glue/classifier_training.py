"""Trains a `BertClassifier` on one task: encoded examples to predictions.

Every random choice is a function of (seed, step): the examples of a batch, which are of like length
(`pipeline.length_batches`), the dropout masks, the initial weights of the head.

On a CPU a step is an ordinary graph, one for each width of a batch, whose parts between two matrix
products are compiled (`models.fused.compilation`), and so is the update. A training of few steps
does without: compiling would take longer. On an accelerator a whole step is one XLA program.
"""

import math
import sys
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from models.bert_classifier import BertClassifier
from pipeline import length_batches
from pipeline.glue.reader import MAX_SCORE
from pipeline.glue.settings import FineTuningSettings
from pipeline.optimizers.base import evaluation_weights
from pipeline.optimizers.from_recipe import make_optimizer
from pipeline.recipes.sections import OptimizerConfig

_STEPS_PER_REPORT = 20
# Compiling the parts of a step takes a CPU as long as it saves in so many steps of BERT-mini.
_COMPILING_PAYS_FROM = 200


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
    compiled = what_is_compiled(num_train_steps)
    train_step = make_train_step(model, optimizer, labels.dtype, compiled=compiled)
    batches = length_batches.training_batches(
        lengths_of(features),
        batch_size=settings.batch_size,
        num_steps=num_train_steps,
        seed=settings.seed,
        graph_cost=_graph_cost(compiled),
    )
    epoch_ends = settings.epoch_ends(len(labels)) if after_epoch else {}
    # A terminal is redrawn twice a second; a log file gets a line every ten seconds.
    with tqdm(
        total=num_train_steps,
        desc=description,
        unit="step",
        dynamic_ncols=True,
        mininterval=0.5 if sys.stderr.isatty() else 10.0,
    ) as bar:
        for step, batch in enumerate(batches, start=1):
            seed = tf.constant([settings.seed, step])
            loss = train_step(cut(features, batch), labels[batch.rows], seed)
            if step % _STEPS_PER_REPORT == 0 or step == num_train_steps:
                _report(bar, float(loss), step, settings)
            if step in epoch_ends:
                with evaluation_weights(optimizer, model.trainable_variables):
                    after_epoch(epoch_ends[step])
    # Schedule-Free AdamW is evaluated at an average of the weights that it trained.
    optimizer.finalize_variable_values(model.trainable_variables)
    return num_train_steps


def what_is_compiled(num_train_steps: int) -> str:
    """What XLA compiles of a step: on an accelerator the whole "step", on a CPU its "parts".

    "nothing" where a training is so short that compiling would take longer. A whole step of
    BERT-tiny, compiled on a CPU, takes twice as long.
    """
    if _on_accelerator():
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
    model: BertClassifier, optimizer, label_dtype: np.dtype, *, compiled: str
) -> Callable:
    """Returns `train_step(batch, labels, dropout_seed) -> loss`.

    Args:
      model: Built.
      optimizer: Not yet built.
      label_dtype: int32 classes or float32 scores.
      compiled: As of `what_is_compiled`.
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
            loss = task_loss(logits, labels)
        update(*(tf.convert_to_tensor(each) for each in tape.gradient(loss, variables)))
        return loss

    if compiled != "nothing":  # one graph for each width, known when it is traced
        return tf.function(train_step, jit_compile=compiled == "step")
    labels_spec, seed_spec = tf.TensorSpec([None], label_dtype), tf.TensorSpec([2], tf.int32)
    return tf.function(train_step, input_signature=[_BATCH_SPEC, labels_spec, seed_spec])


_BATCH_SPEC = {
    name: tf.TensorSpec([None, None], tf.int32)
    for name in ("input_ids", "input_mask", "segment_ids")
}


def _on_accelerator() -> bool:
    return bool(tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("TPU"))


def _graph_cost(compiled: str) -> int:
    if compiled == "nothing":
        return 0  # one graph for all widths
    on_cpu = compiled == "parts"
    return length_batches.GRAPH_COST_ON_CPU if on_cpu else length_batches.GRAPH_COST_ON_ACCELERATOR


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


def make_predict(
    model: BertClassifier, *, batch_size: int
) -> Callable[[Mapping[str, np.ndarray]], np.ndarray]:
    """Returns `predict(features)`, which traces its graph once for all calls.

    `predict` takes int32 features `[num_examples, seq_len]` and returns float32 logits
    `[num_examples, num_outputs]`, in the order of the examples.
    """
    on_accelerator = _on_accelerator()
    signature = None if on_accelerator else [_BATCH_SPEC]

    @tf.function(input_signature=signature, jit_compile=on_accelerator)
    def logits_of(batch):
        return model(batch, training=False)

    def predict(features):
        batches = length_batches.sorted_batches(
            lengths_of(features),
            batch_size=batch_size,
            graph_cost=_graph_cost("step") if on_accelerator else 0,
        )
        logits = np.zeros([len(features["input_ids"]), model.head.units], np.float32)
        for batch in batches:
            # Compiled for one number of rows: the last batch is filled up with its first ones.
            rows = np.resize(batch.rows, batch_size) if on_accelerator else batch.rows
            outputs = logits_of(cut(features, length_batches.Batch(rows, batch.width)))
            logits[batch.rows] = outputs[: len(batch.rows)]
        return logits

    return predict


def predict(
    model: BertClassifier, features: Mapping[str, np.ndarray], *, batch_size: int
) -> np.ndarray:
    """Returns float32 logits `[num_examples, num_outputs]`, see `make_predict`."""
    return make_predict(model, batch_size=batch_size)(features)


def predictions_from_logits(logits: np.ndarray, *, is_regression: bool) -> np.ndarray:
    """Classes int64 `[num_examples]`, or scores clipped to [0, 5]."""
    if is_regression:
        return np.clip((logits[:, 0] + 1.0) * (MAX_SCORE / 2.0), 0.0, MAX_SCORE)
    return logits.argmax(axis=-1)
