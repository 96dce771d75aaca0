"""The training story: from a recipe and records to a checkpoint.

Run again it continues from its newest whole checkpoint, batch for batch; on a finished folder it
says so.
"""

from __future__ import annotations

import dataclasses
import os
import sys
import time
from collections.abc import Iterator

import tensorflow as tf
import tf_keras as keras

from data_prep import features as records
from pipeline import train_step
from pipeline.data.batch_shape import batch_shape
from pipeline.data.input_wait import InputWait
from pipeline.data.training_data import TrainingData
from pipeline.objectives import Objective, objective_for
from pipeline.optimizers.base import evaluation_weights
from pipeline.optimizers.from_recipe import make_optimizer, meta_parameters
from pipeline.recipes.loader import Recipe
from pipeline.recipes.train_section import TrainConfig
from pipeline.run import distribution, precision, preflight, worker_group
from pipeline.run.checkpoints import TrainingCheckpoint
from pipeline.run.initial_run import InitialRun, find_initial_run, load_initial_run
from pipeline.run.loss_guard import LossGuard, Spike, refuse_if_not_finite
from pipeline.run.resource_errors import with_remedies
from pipeline.run.run_folder import RunFolder
from pipeline.run.stop_signals import StopSignals
from pipeline.run.watching.hardware import hardware_facts
from pipeline.run.watching.progress import TrainingProgress
from pipeline.run.watching.step_diagnostics import StepDiagnostics
from pipeline.run.watching.tensorboard import RunScalars, open_scalars


@with_remedies
def pretrain(recipe: Recipe, *, data_dir: str, output_dir: str) -> dict:
    """Trains one BERT or T5 and returns its final held-out figures.

    Args:
      recipe: every setting.
      data_dir: records, `manifest.json` and `vocab.txt`.
      output_dir: see `pipeline.run.run_folder`.

    Returns:
      `step`, `seconds`, `skipped_steps`, `unigram_loss`; held-out losses (nats) and accuracies.

    Raises:
      ValueError: recipe, records, folder and machine disagree, or memory is not enough.
      OSError: a checkpoint could not be written, or none is whole.
      FloatingPointError: the loss is no longer finite.
      RunStopped: SIGTERM or SIGINT came, and all is saved.
    """
    train, steps = recipe.train, recipe.train.num_train_steps
    run = RunFolder(worker_group.output_folder(output_dir), recipe)
    manifest = records.load_manifest(data_dir)
    objective = objective_for(recipe, manifest, data_dir)
    shape = batch_shape(recipe, manifest)
    strategy = distribution.make_strategy(train.strategy)
    initial = find_initial_run(recipe, run.run_facts())
    with strategy.scope():
        optimizer = make_optimizer(recipe.optimizer, steps, shape.most_labels, initial.first_step)
    config = objective.config(recipe, manifest)
    preflight.check(recipe, run, manifest, data_dir, objective, strategy, optimizer)
    if (figures := run.final_figures()) is not None:
        print(f"pretrain: already complete: {output_dir} {_how_to_lengthen(figures)}")
        return figures

    data = TrainingData(recipe, manifest, data_dir)
    keras.utils.set_random_seed(train.random_seed)  # initial weights
    with strategy.scope(), precision.layers_compute_in(train.precision):
        model = objective.model(config, train)
        model({name: tensor[:1] for name, tensor in next(iter(data.heldout)).items()})
        optimizer.build(model.trainable_variables)
        precision.add_loss_scale(optimizer, train.precision)
        step = tf.Variable(0, dtype=tf.int64, trainable=False, name="step")
    run.begin()
    guard = LossGuard(train, optimizer, objective.losses)
    checkpoint = _checkpoint(run, recipe, manifest, guard, model, optimizer, step)
    if not checkpoint.restore():
        load_initial_run(initial, model, optimizer)
        guard.set_state({})  # What an initial run skipped is no step of this one.
    run.forget_metrics_after(checkpoint.steps_done)
    facts = {"data": data_dir, "initial": initial.to_dict()}
    facts |= _run_facts(recipe, data, manifest, objective, model, optimizer, strategy)
    objective.begin_folder(run.path, config)
    run.keep_vocabulary(os.path.join(data_dir, "vocab.txt"))
    run.write_run(facts, steps_done=checkpoint.steps_done)

    batches = _train_batches(strategy, data, initial, checkpoint)
    heldout_batches = strategy.distribute_datasets_from_function(data.heldout_for)
    wait = InputWait()
    run_steps = _train_steps(strategy, model, optimizer, step, train, wait, objective)
    evaluate = train_step.make_evaluate(strategy, model, optimizer, objective.losses)
    scalars = open_scalars(run.path / "tensorboard", wanted=train.tensorboard)
    callbacks = _callbacks(train, model, optimizer, scalars, run)
    progress = TrainingProgress(
        *(run, checkpoint, recipe, facts["unigram_loss"], scalars), objective.losses
    )
    with progress, StopSignals(strategy) as signals:
        while (done := checkpoint.steps_done) < steps:
            if _is_evaluation_due(train, done) and not run.was_evaluated(done):
                _judge(evaluate(heldout_batches), objective, progress, checkpoint)
            stop = done + 1 if guard.go_slow else next_stop(train, done)
            started = time.perf_counter()
            sums = train_step.run_to(stop, done, run_steps, batches, callbacks)
            checkpoint.batches_used += stop - done
            sums = guard.usable(sums, done=done, stop=stop)
            seconds, waiting = time.perf_counter() - started, wait.take()
            progress.trained(sums, num_steps=stop - done, seconds=seconds, waiting=waiting)
            if (spike := guard.spike(sums, stop)) and _undo(spike, checkpoint, run, progress):
                batches = _train_batches(strategy, data, initial, checkpoint)
                continue
            if stop % train.checkpoint_every_steps == 0:
                checkpoint.save()
            signals.end_run_if_received(checkpoint)
        checkpoint.save()
        final = _judge(evaluate(heldout_batches), objective, progress, checkpoint)
    with evaluation_weights(optimizer, model.trainable_variables):
        objective.finish_folder(run.path, model)
    figures = {**checkpoint.figures(), "unigram_loss": facts["unigram_loss"], **final}
    run.complete(figures)
    return figures


def next_stop(train: TrainConfig, step: int) -> int:
    """Returns the step at which the device loop after `step` must hand back control.

    That is the nearest multiple of a logging, evaluation, checkpoint or spike interval, at most
    `steps_per_loop` away and never past the end.
    """
    intervals = [train.log_every_steps, train.eval_every_steps, train.checkpoint_every_steps]
    if train.rollback_on_spike:
        intervals.append(train.spike_window_steps)
    stops = [(step // interval + 1) * interval for interval in intervals]
    return min(*stops, step + train.steps_per_loop, train.num_train_steps)


def _checkpoint(run, recipe, manifest, guard, model, optimizer, step) -> TrainingCheckpoint:
    return TrainingCheckpoint(
        run.checkpoints,
        model=model,
        optimizer=optimizer,
        step=step,
        keep=recipe.train.keep_checkpoints,
        every_steps=recipe.train.checkpoint_every_steps,
        window_steps=recipe.train.spike_window_steps if recipe.train.rollback_on_spike else 0,
        settings=recipe.to_dict(),
        vocabulary_sha256=manifest.vocab["sha256"],
        guard=guard,
    )


def _train_batches(
    strategy, data: TrainingData, initial: InitialRun, checkpoint: TrainingCheckpoint
) -> Iterator:
    first = initial.first_batch + checkpoint.batches_used
    return iter(
        strategy.distribute_datasets_from_function(lambda worker: data.dataset_for(worker, first))
    )


def _train_steps(strategy, model, optimizer, step, train: TrainConfig, wait, objective):
    return train_step.make_train_steps(
        *(strategy, model, optimizer, step, train.random_seed),
        micro_batch_size=train.micro_batch_size,
        input_wait=wait,
        losses=objective.losses,
    )


def _is_evaluation_due(train: TrainConfig, step: int) -> bool:
    return step > 0 and step % train.eval_every_steps == 0


def _judge(
    means: dict, objective: Objective, progress: TrainingProgress, checkpoint: TrainingCheckpoint
) -> dict:
    """Logs held-out means of the current weights; the best weights are saved."""
    refuse_if_not_finite(means, checkpoint.steps_done)
    checkpoint.evaluated(means[objective.judged_by])
    progress.evaluated(means)  # Last: a step with a row is not judged again after a kill.
    return means


def _undo(
    spike: Spike, checkpoint: TrainingCheckpoint, run: RunFolder, progress: TrainingProgress
) -> bool:
    """Goes back to the checkpoint before a spike, and past its batches; False without any."""
    if not checkpoint.roll_back(spike.first_step):
        print(f"\npretrain: {spike}; no checkpoint to go back to", file=sys.stderr)
        return False
    step, skipped = checkpoint.steps_done, spike.last_step - checkpoint.steps_done
    print(
        f"\npretrain: {spike}; goes back to step {step:,} and leaves the {skipped:,} batches "
        "since then out",
        file=sys.stderr,
    )
    run.forget_metrics_after(step)
    batches = {"to_step": step, "batches_left_out": skipped, "next_batch": checkpoint.batches_used}
    run.note_rollback({**dataclasses.asdict(spike), **batches})
    progress.went_back()
    return True


def _run_facts(
    recipe, data: TrainingData, manifest, objective: Objective, model, optimizer, strategy
) -> dict:
    """What a report and a later start must know of the run, besides its curves."""
    return {
        "name": recipe.name,
        "optimizer": recipe.optimizer.name,
        "recipe": recipe.to_dict(),
        "parameters": model.count_params(),
        "replicas": strategy.num_replicas_in_sync,
        "devices": distribution.device_names(strategy),
        "data_manifest": dataclasses.asdict(manifest),
        "reads": data.describe(),
        "batch_shape": dataclasses.asdict(data.shape),
        "unigram_loss": data.unigram_loss(model.config.vocab_size),
        "meta_parameters": meta_parameters(optimizer),
        **hardware_facts(
            strategy,
            recipe.train.precision,
            flops_per_step=objective.training_flops(model.config, data.shape),
        ),
    }


def _callbacks(
    train: TrainConfig, model, optimizer, scalars: RunScalars | None, run: RunFolder
) -> list[StepDiagnostics]:
    if scalars is None:
        return []
    watched = StepDiagnostics(
        *(model.trainable_variables, optimizer, scalars, train.log_every_steps),
        log=run.append_metrics,
        by_variable=train.log_step_sizes,
    )
    return [watched]


def _how_to_lengthen(figures: dict) -> str:
    return (
        f"({figures['step']:,} steps). To train longer, run it again with "
        "--set train.num_train_steps=N, N steps in all."
    )
