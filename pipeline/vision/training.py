"""Steps of training and of prediction, the same for a whole model and for a linear probe."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import tensorflow as tf
import tf_keras as keras
from tqdm import tqdm

from pipeline.optimizers.from_recipe import make_optimizer
from pipeline.vision.layer_decay import smaller_steps
from pipeline.vision.settings import VisionSettings

_STEPS_PER_REPORT = 10


def progress_bar(total: int, description: str, unit: str) -> tqdm:
    """A bar on stderr: a terminal is redrawn twice a second, a file gets a line in ten."""
    return tqdm(
        total=total,
        desc=description,
        unit=unit,
        dynamic_ncols=True,
        mininterval=0.5 if sys.stderr.isatty() else 10.0,
    )


class Trainer:
    """A model, its optimizer and their compiled step.

    Args:
      model: built; called with `training` and `dropout_seed`.
      settings: of the run.
      num_images: to train on.
      factors: of the steps of each trainable variable, or None for whole steps.
      fine_tuning: whether all weights but the head are of an earlier training.
    """

    def __init__(
        self,
        model: keras.Model,
        settings: VisionSettings,
        num_images: int,
        factors: Sequence[float] | None = None,
        *,
        fine_tuning: bool = False,
    ):
        self.model = model
        self.settings = settings
        self.steps_per_epoch = settings.steps_per_epoch(num_images)
        self.optimizer = make_optimizer(
            settings.optimizer_config(),
            self.steps_per_epoch * settings.num_train_epochs,
            settings.batch_size,
            fine_tuning=fine_tuning,
        )
        self.optimizer.build(model.trainable_variables)
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False, name="step")
        self.train_step = self._compiled_step(factors)

    def _compiled_step(self, factors: Sequence[float] | None) -> Callable:
        model, optimizer = self.model, self.optimizer
        whole = has_accelerator()
        # On an accelerator the step is one program, in which the update is inlined.
        optimizer.jit_compile = optimizer.jit_compile and not whole

        @tf.function(jit_compile=whole)
        def train_step(inputs, labels, seed):
            with tf.GradientTape() as tape:
                logits = model(inputs, training=True, dropout_seed=seed)
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
                loss = tf.reduce_mean(losses)
            variables = model.trainable_variables
            gradients = tape.gradient(loss, variables)

            def make_step():
                optimizer.apply_gradients(zip(gradients, variables, strict=True))

            if factors is None:
                make_step()
            else:
                smaller_steps(variables, factors, make_step)
            right = tf.equal(tf.argmax(logits, -1, tf.int32), labels)
            return loss, tf.reduce_mean(tf.cast(right, tf.float32))

        return train_step

    @property
    def epochs_done(self) -> int:
        """Whole passes over the images."""
        return int(self.step) // self.steps_per_epoch

    def train_epoch(self, batches: Iterable) -> dict[str, float]:
        """Trains one pass; returns its mean `train_loss`, in nats, and `train_accuracy`.

        Also `waiting`, the fraction of its time in which the next batch was not there yet.

        Raises:
          FloatingPointError: the loss is not finite; names the step.
        """
        epoch = self.epochs_done + 1
        name = f"epoch {epoch}/{self.settings.num_train_epochs}"
        sums = np.zeros(2)
        batches, began = _Timed(batches), time.monotonic()
        with progress_bar(self.steps_per_epoch, name, "step") as bar:
            for number, (inputs, labels) in enumerate(batches, start=1):
                step = int(self.step) + 1
                seed = tf.constant([self.settings.seed, step], tf.int32)
                figures = np.array([float(x) for x in self.train_step(inputs, labels, seed)])
                self.step.assign_add(1)
                if not math.isfinite(figures[0]):
                    raise FloatingPointError(
                        f"expected a finite loss, received {figures[0]} in step {step}; try a "
                        f"smaller --learning_rate than "
                        f"{self.settings.optimizer_config().learning_rate:g}"
                    )
                sums += figures
                if number % _STEPS_PER_REPORT == 0 or number == self.steps_per_epoch:
                    loss, accuracy = sums / number
                    text = f"loss {loss:.3f}, accuracy {accuracy:.1%}"
                    bar.set_postfix_str(text, refresh=False)
                    bar.update(number - bar.n)
        loss, accuracy = sums / self.steps_per_epoch
        waiting = batches.seconds / max(time.monotonic() - began, 1e-9)
        return {"train_loss": float(loss), "train_accuracy": float(accuracy), "waiting": waiting}


class _Timed:
    """Passes batches on; `seconds` is how long they were waited for."""

    def __init__(self, batches: Iterable):
        self._batches = iter(batches)
        self.seconds = 0.0

    def __iter__(self) -> Iterator:
        return self

    def __next__(self):
        began = time.monotonic()
        try:
            return next(self._batches)
        finally:
            self.seconds += time.monotonic() - began


def has_accelerator() -> bool:
    """Whether steps are compiled by XLA as one program; on a CPU only their parts are."""
    return bool(tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("TPU"))


def in_batches(count: int, batch_size: int) -> Iterator[np.ndarray]:
    """Yields the rows 0 to count - 1 in batches of one size: the last begins again at row 0."""
    for start in range(0, count, batch_size):
        yield np.arange(start, start + batch_size) % count


def outputs_of(
    function: Callable, count: int, batch_size: int, description: str = ""
) -> np.ndarray:
    """Joins what `function(rows)` returns for all rows, float32 `[count, ...]`.

    Args:
      function: from int `[batch]` rows to a tensor `[batch, ...]`.
      count: rows.
      batch_size: of each call; one shape, one compilation.
      description: of a progress bar; none without.
    """
    parts = []
    bar = progress_bar(count, description, "image") if description else None
    for rows in in_batches(count, batch_size):
        parts.append(np.asarray(function(rows), np.float32))
        if bar is not None:
            bar.update(min(batch_size, count - bar.n))
    if bar is not None:
        bar.close()
    return np.concatenate(parts)[:count]


def heldout_figures(logits: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Returns the mean `heldout_loss`, in nats, and `heldout_accuracy`.

    Args:
      logits: float32 `[count, classes]`.
      labels: int32 `[count]`.

    Raises:
      FloatingPointError: the loss is not finite.
    """
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    loss = float(tf.reduce_mean(losses))
    if not math.isfinite(loss):
        raise FloatingPointError(
            f"expected a finite loss of the held-out images, received {loss}; try a smaller "
            "--learning_rate"
        )
    right = logits.argmax(-1) == labels
    return {
        "heldout_loss": loss,
        "heldout_accuracy": float(right.mean()),
    }
