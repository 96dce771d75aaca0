"""Trains a `BertClassifier` on one task: encoded examples to predictions.

Every random choice is a function of (seed, step): the examples of a batch, which are of like length
(`pipeline.length_batches`), the dropout masks, the initial weights of the head.
"""

import math
import sys
import time
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from models.bert_classifier import BertClassifier
from pipeline import length_batches
from pipeline.glue.classifier_step import (
    BATCH_SPEC,
    cut,
    lengths_of,
    make_train_step,
    on_accelerator,
    what_is_compiled,
    width_cost,
)
from pipeline.glue.settings import FineTuningSettings
from pipeline.glue.task import MAX_SCORE
from pipeline.optimizers.base import evaluation_weights
from pipeline.optimizers.from_recipe import make_optimizer
from pipeline.recipes.sections import OptimizerConfig

_STEPS_PER_REPORT = 20
_SECONDS_PER_REPORT = 5.0  # of a large model, of which 20 steps take a minute


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
        without=settings.without,
    )


def train(
    model: BertClassifier,
    features: Mapping[str, np.ndarray],
    labels: np.ndarray,
    *,
    settings: FineTuningSettings,
    description: str,
    score_range: tuple[float, float] = (0.0, MAX_SCORE),
    fine_tuning: bool = False,
    after_epoch: Callable[[int], None] | None = None,
) -> int:
    """Fine-tunes in place, with a progress bar on stderr.

    Args:
      model: Built and initialised.
      features: int32 `[num_examples, seq_len]` each.
      labels: `[num_examples]`, as for `task_loss`.
      settings: See `FineTuningSettings`.
      description: Label of the progress bar.
      score_range: The lowest and the highest score of a regression.
      fine_tuning: Whether all weights but the head are of an earlier training.
      after_epoch: Called with the number of each epoch that ends (1, 2, ...), while `model` holds
        the weights to evaluate.

    Returns:
      The number of steps done.

    Raises:
      FloatingPointError: If the loss is not finite; names the steps.
    """
    num_train_steps = settings.num_train_steps(len(labels))
    optimizer = make_optimizer(
        optimizer_config(settings),
        num_train_steps,
        settings.batch_size,
        fine_tuning=fine_tuning,
    )
    compiled = what_is_compiled(num_train_steps)
    train_step = make_train_step(
        model, optimizer, labels.dtype, compiled=compiled, score_range=score_range
    )
    batches = length_batches.training_batches(
        lengths_of(features),
        batch_size=settings.batch_size,
        num_steps=num_train_steps,
        seed=settings.seed,
        width_cost=width_cost(compiled),
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
        reported = time.monotonic()
        for step, batch in enumerate(batches, start=1):
            seed = tf.constant([settings.seed, step])
            loss = train_step(cut(features, batch), labels[batch.rows], seed)
            is_due = time.monotonic() - reported > _SECONDS_PER_REPORT
            if is_due or step % _STEPS_PER_REPORT == 0 or step == num_train_steps:
                _report(bar, float(loss), step, settings)
                reported = time.monotonic()
            if step in epoch_ends:
                with evaluation_weights(optimizer, model.trainable_variables):
                    after_epoch(epoch_ends[step])
    # Schedule-Free AdamW is evaluated at an average of the weights that it trained.
    optimizer.finalize_variable_values(model.trainable_variables)
    return num_train_steps


def _report(bar: tqdm, loss: float, step: int, settings: FineTuningSettings) -> None:
    if not math.isfinite(loss):
        raise FloatingPointError(
            f"{bar.desc}: expected a finite loss, received {loss} between steps "
            f"{bar.n + 1} and {step}; try a smaller --learning_rate "
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
    accelerated = on_accelerator()
    signature = None if accelerated else [BATCH_SPEC]

    @tf.function(input_signature=signature, jit_compile=accelerated)
    def logits_of(batch):
        return model(batch, training=False)

    if not accelerated:
        # One graph, and no warning of TensorFlow that the fifth model of a process has one, too.
        logits_of = logits_of.get_concrete_function()

    def predict(features):
        batches = length_batches.sorted_batches(
            lengths_of(features),
            batch_size=batch_size,
            width_cost=width_cost("step") if accelerated else 0,
        )
        logits = None
        for batch in batches:
            # Compiled for one number of rows: the last batch is filled up with its first ones.
            rows = np.resize(batch.rows, batch_size) if accelerated else batch.rows
            outputs = logits_of(cut(features, length_batches.Batch(rows, batch.width)))
            if logits is None:
                logits = np.zeros([len(features["input_ids"]), outputs.shape[1]], np.float32)
            logits[batch.rows] = outputs[: len(batch.rows)]
        return logits

    return predict


def predict(
    model: BertClassifier, features: Mapping[str, np.ndarray], *, batch_size: int
) -> np.ndarray:
    """Returns float32 logits `[num_examples, num_outputs]`, see `make_predict`."""
    return make_predict(model, batch_size=batch_size)(features)


def predictions_from_logits(
    logits: np.ndarray,
    *,
    is_regression: bool,
    score_range: tuple[float, float] | None = (0.0, MAX_SCORE),
) -> np.ndarray:
    """Classes int64 `[num_examples]`, or scores clipped to their range.

    Without a range the head gives the scores themselves, as one of another library does.
    """
    if is_regression and score_range is None:
        return logits[:, 0]
    if is_regression:
        low, high = score_range
        return np.clip(low + (logits[:, 0] + 1.0) * ((high - low) / 2.0), low, high)
    return logits.argmax(axis=-1)
