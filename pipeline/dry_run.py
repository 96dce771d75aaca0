"""The story of `mnemosyne pretrain --dry_run`: what a run would take, measured on a few steps.

Recipe and records are checked, the model is built and makes a few steps of the run, in memory:
nothing is written. `pipeline.run.memory_estimate` states the formulas.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable

import tensorflow as tf
import tf_keras as keras
from tabulate import tabulate

from data_prep import features as records
from pipeline import train_step
from pipeline.data.batch_shape import BatchShape
from pipeline.data.training_data import TrainingData
from pipeline.gradient_accumulation import num_micro_batches
from pipeline.objectives import objective_for
from pipeline.optimizers.from_recipe import make_optimizer
from pipeline.recipes.loader import Recipe
from pipeline.recipes.train_section import TrainConfig
from pipeline.run import distribution, precision, preflight
from pipeline.run.memory_estimate import MemoryEstimate, estimate
from pipeline.run.peak_memory import peak_memory_of
from pipeline.run.run_folder import RunFolder

_TIMED_STEPS = 3


def dry_run(recipe: Recipe, *, data_dir: str, output_dir: str) -> str:
    """Checks and measures a run, and returns a table of what it would take.

    Args:
      recipe: every setting.
      data_dir: records, `manifest.json` and `vocab.txt`.
      output_dir: of the run; it may hold a part of it already. Nothing is written.

    Raises:
      ValueError: recipe, records, folder and machine disagree.
    """
    train = recipe.train
    RunFolder(output_dir, recipe)  # refuses a folder that holds another run
    manifest = records.load_manifest(data_dir)
    objective = objective_for(recipe, manifest, data_dir)
    strategy = distribution.make_strategy(train.strategy)
    preflight.check_records(recipe, manifest, data_dir)
    preflight.check_batch(recipe, strategy.num_replicas_in_sync)
    data = TrainingData(recipe, manifest, data_dir)
    example = next(iter(data.heldout))
    with strategy.scope(), precision.layers_compute_in(train.precision):
        keras.utils.set_random_seed(train.random_seed)
        model = objective.model(objective.config(recipe, manifest), train)
        model({name: tensor[:1] for name, tensor in example.items()})
        optimizer = make_optimizer(recipe.optimizer, train.num_train_steps, data.shape.most_labels)
        optimizer.build(model.trainable_variables)
        precision.add_loss_scale(optimizer, train.precision)
        step = tf.Variable(0, dtype=tf.int64, trainable=False)
    train_steps = train_step.make_train_steps(
        *(strategy, model, optimizer, step, train.random_seed),
        micro_batch_size=train.micro_batch_size,
        losses=objective.losses,
    )
    batches = iter(
        strategy.distribute_datasets_from_function(lambda worker: data.dataset_for(worker, 0))
    )
    measured = _measure(
        lambda: train_steps(batches, tf.constant(1)).numpy(),
        device=distribution.device_names(strategy)[0],
    )
    rows = [
        ("model", f"{objective.family}-{recipe.model.size}, {model.count_params():,} parameters"),
        ("devices", ", ".join(distribution.device_names(strategy))),
        *_batch_rows(recipe, strategy, data.shape, manifest.splits["train"]["sequences"]),
        *_memory_rows(_memory(recipe, strategy, model, optimizer, data.shape), measured),
        *_time_rows(train, measured),
    ]
    return tabulate(rows, tablefmt="plain", disable_numparse=True)


@dataclasses.dataclass(frozen=True)
class _Measured:
    """A few steps: seconds of the first one and of a later one, bytes added at the peak."""

    first_seconds: float
    seconds: float
    peak_bytes: int | None


def _measure(make_step: Callable[[], None], device: str) -> _Measured:
    first_seconds = _seconds_of(make_step)
    peak_bytes = peak_memory_of(make_step, device)
    seconds = statistics.median(_seconds_of(make_step) for _ in range(_TIMED_STEPS))
    return _Measured(first_seconds, seconds, peak_bytes)


def _seconds_of(call: Callable[[], None]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _division(recipe: Recipe, strategy: tf.distribute.Strategy) -> tuple[int, int]:
    """Returns the micro-batches of a device in one step, and the sequences of each."""
    share = recipe.train.global_batch_size // strategy.num_replicas_in_sync
    num_parts = num_micro_batches(share, recipe.train.micro_batch_size)
    return num_parts, share // num_parts


def _memory(recipe, strategy, model, optimizer, shape: BatchShape) -> MemoryEstimate:
    num_parts, num_sequences = _division(recipe, strategy)
    return estimate(
        model.config,
        num_parameters=model.count_params(),
        optimizer_bytes=sum(
            each.shape.num_elements() * each.dtype.size for each in optimizer.variables
        ),
        micro_batch=(num_sequences, shape.seq_len, shape.num_predictions),
        num_micro_batches=num_parts,
        precision=recipe.train.precision,
        recompute=recipe.train.recompute,
    )


def _batch_rows(recipe, strategy, shape: BatchShape, num_records: int) -> list[tuple[str, str]]:
    train, num_replicas = recipe.train, strategy.num_replicas_in_sync
    num_parts, num_sequences = _division(recipe, strategy)
    rows = train.num_train_steps * train.global_batch_size
    kind = "sequences" if shape.max_sequences == 1 else "rows"
    epochs = rows * (shape.sequences_per_row or 1.0) / num_records
    return [
        (
            "batch",
            f"{train.global_batch_size:,} {kind} = {num_replicas} devices x {num_parts} "
            f"micro-batches x {num_sequences}; {train.global_batch_size * shape.seq_len:,} tokens "
            "with padding",
        ),
        (
            "length",
            f"{train.num_train_steps:,} steps = {rows:,} {kind} = {rows * shape.seq_len:,} "
            f"tokens with padding = {epochs:.2f} epochs",
        ),
    ]


def _memory_rows(memory: MemoryEstimate, measured: _Measured) -> list[tuple[str, str]]:
    parts = ("weights", "gradients", "optimizer", "activations")
    named = ", ".join(f"{part} {_megabytes(getattr(memory, part))}" for part in parts)
    rows = [("memory", f"{_megabytes(memory.total)} a device, estimated: {named}")]
    if measured.peak_bytes is not None:
        rows.append(
            (
                "one step",
                f"added {_megabytes(measured.peak_bytes)} at its peak, measured over all devices "
                f"of this process; estimated a device: {_megabytes(memory.of_step)}",
            )
        )
    return rows


def _time_rows(train: TrainConfig, measured: _Measured) -> list[tuple[str, str]]:
    hours, minutes = divmod(round(measured.seconds * train.num_train_steps / 60), 60)
    return [
        ("first step", f"{measured.first_seconds:,.1f} s with compilation"),
        (
            "time",
            f"{hours:,} h {minutes:02} min without evaluation: {measured.seconds:.3f} s a step, "
            f"{train.global_batch_size / measured.seconds:,.1f} sequences a second, median of "
            f"{_TIMED_STEPS} steps",
        ),
    ]


def _megabytes(number: int) -> str:
    return f"{number / 1e6:,.0f} MB"
