"""The training story: from a recipe and records to a checkpoint.

Run again it continues from its newest checkpoint, batch for batch; on a finished folder it says so.
"""

from __future__ import annotations

import dataclasses
import os
import time

import tensorflow as tf
import tf_keras as keras

from data_prep import features as records
from models import BertConfig, BertPretrainer
from pipeline import train_step
from pipeline.data.training_data import TrainingData
from pipeline.optimizers.from_recipe import make_optimizer, meta_parameters
from pipeline.recipes.loader import Recipe
from pipeline.recipes.sections import TrainConfig
from pipeline.run import distribution, preflight
from pipeline.run.checkpoints import TrainingCheckpoint
from pipeline.run.initial_run import find_initial_run, load_initial_run
from pipeline.run.run_folder import RunFolder
from pipeline.run.watching.hardware import hardware_facts
from pipeline.run.watching.progress import TrainingProgress
from pipeline.run.watching.step_diagnostics import StepDiagnostics
from pipeline.run.watching.tensorboard import RunScalars, open_scalars


def pretrain(recipe: Recipe, *, data_dir: str, output_dir: str) -> dict:
    """Trains one BERT and returns its final held-out figures.

    Args:
      recipe: every setting.
      data_dir: records, `manifest.json` and `vocab.txt`.
      output_dir: see `pipeline.run.run_folder`.

    Returns:
      `step`, `seconds`, `skipped_steps`, `unigram_loss` and the held-out losses (nats) and
      accuracies.

    Raises:
      ValueError: recipe, records, folder and machine disagree.
      FloatingPointError: the loss is no longer finite.
    """
    train, run = recipe.train, RunFolder(output_dir, recipe)
    manifest = records.load_manifest(data_dir)
    strategy = distribution.make_strategy(train.strategy)
    initial = find_initial_run(recipe, run.run_facts())
    num_steps, num_labels = train.num_train_steps, most_labels(recipe)
    with strategy.scope():
        optimizer = make_optimizer(recipe.optimizer, num_steps, num_labels, initial.first_step)
    bert_config = _bert_config(recipe)
    preflight.check(
        recipe,
        run=run,
        manifest=manifest,
        data_dir=data_dir,
        bert_config=bert_config,
        num_replicas=strategy.num_replicas_in_sync,
        meta_parameters=meta_parameters(optimizer),
    )
    if (figures := run.final_figures()) is not None:
        print(f"pretrain: already complete: {output_dir} {_how_to_lengthen(figures)}")
        return figures

    data = TrainingData(recipe, manifest, data_dir)
    keras.utils.set_random_seed(train.random_seed)  # initial weights
    with strategy.scope():
        model = BertPretrainer(bert_config)
        model({name: tensor[:1] for name, tensor in next(iter(data.heldout)).items()})
        optimizer.build(model.trainable_variables)
        step = tf.Variable(0, dtype=tf.int64, trainable=False, name="step")
    run.begin()
    checkpoint = TrainingCheckpoint(run.checkpoints, model=model, optimizer=optimizer, step=step)
    if not checkpoint.restore():
        load_initial_run(initial, model, optimizer)
    run.forget_metrics_after(checkpoint.steps_done)
    unigram_loss = data.unigram_loss(recipe.vocab.vocab_size)
    facts = _run_facts(recipe, data_dir, manifest, model, optimizer, strategy)
    facts |= {"unigram_loss": unigram_loss, "reads": data.reader.describe()}
    facts |= hardware_facts(recipe, bert_config, strategy) | {"initial": initial.to_dict()}
    run.keep_model(bert_config, os.path.join(data_dir, "vocab.txt"))
    run.write_run(facts, steps_done=checkpoint.steps_done)

    dataset = data.train_batches(first_step=initial.first_step + checkpoint.steps_done)
    batches = iter(strategy.experimental_distribute_dataset(dataset))
    heldout_batches = strategy.experimental_distribute_dataset(data.heldout)
    run_steps = train_step.make_train_steps(strategy, model, optimizer, step, train.random_seed)
    evaluate = train_step.make_evaluate(strategy, model, optimizer)
    scalars = open_scalars(run.path / "tensorboard", wanted=train.tensorboard)
    callbacks = _callbacks(train, model, optimizer, scalars)
    with TrainingProgress(run, checkpoint, recipe, unigram_loss, scalars) as progress:
        while (done := checkpoint.steps_done) < train.num_train_steps:
            stop, started = next_stop(train, done), time.perf_counter()
            sums = train_step.run_to(stop, done, run_steps, batches, callbacks)
            progress.trained(sums, num_steps=stop - done, seconds=time.perf_counter() - started)
            if stop % train.eval_every_steps == 0 and stop < train.num_train_steps:
                progress.evaluated(evaluate(heldout_batches))
            if stop % train.checkpoint_every_steps == 0:
                checkpoint.save()
        final = evaluate(heldout_batches)
        progress.evaluated(final)

    if checkpoint.steps_done % train.checkpoint_every_steps:
        checkpoint.save()
    figures = {**checkpoint.figures(), "unigram_loss": unigram_loss, **final}
    run.complete(figures)
    return figures


def next_stop(train: TrainConfig, step: int) -> int:
    """Returns the step at which the device loop after `step` must hand back control.

    That is the nearest multiple of a logging, evaluation or checkpoint interval, at most
    `steps_per_loop` away and never past the end.
    """
    intervals = (train.log_every_steps, train.eval_every_steps, train.checkpoint_every_steps)
    stops = [(step // interval + 1) * interval for interval in intervals]
    return min(*stops, step + train.steps_per_loop, train.num_train_steps)


def most_labels(recipe: Recipe) -> int:
    """Returns the most masked tokens of one step; a short sequence has fewer."""
    return recipe.train.global_batch_size * recipe.prepare.max_predictions_per_seq


def _bert_config(recipe: Recipe) -> BertConfig:
    overrides = recipe.model.overrides(recipe.prepare.max_seq_length)
    return BertConfig.named(recipe.model.size, vocab_size=recipe.vocab.vocab_size, **overrides)


def _run_facts(recipe, data_dir, manifest, model, optimizer, strategy) -> dict:
    """What a report and a later start must know of the run, besides its curves."""
    return {
        "name": recipe.name,
        "optimizer": recipe.optimizer.name,
        "recipe": recipe.to_dict(),
        "parameters": model.count_params(),
        "replicas": strategy.num_replicas_in_sync,
        "devices": distribution.device_names(strategy),
        "data": data_dir,
        "data_manifest": dataclasses.asdict(manifest),
        "meta_parameters": meta_parameters(optimizer),
    }


def _callbacks(
    train: TrainConfig, model, optimizer, scalars: RunScalars | None
) -> list[StepDiagnostics]:
    if scalars is None:
        return []
    variables, by_variable = model.trainable_variables, train.log_step_sizes
    every = train.log_every_steps
    return [StepDiagnostics(variables, optimizer, scalars, every, by_variable=by_variable)]


def _how_to_lengthen(figures: dict) -> str:
    return (
        f"({figures['step']:,} steps). To train longer, run it again with "
        "--set train.num_train_steps=N, N steps in all."
    )
