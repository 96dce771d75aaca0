"""`mnemosyne pretrain`: the training story, from a recipe and records to a checkpoint.

Run it again and it continues from its newest checkpoint, batch for batch; run it on a
finished folder and it says so.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import time
from collections.abc import Sequence

from pipeline.recipes import loader
from pipeline.recipes.sections import OPTIMIZERS, TrainConfig

EXAMPLE = f"""example:
  mnemosyne pretrain --recipe bert_tiny_sample --data runs/sample/data --output runs/sample/pretrain
  mnemosyne pretrain --recipe bert_tiny_sample --data DIR --output DIR \\
      --set optimizer.name=adamw --set optimizer.learning_rate=1e-3

optimizer.name is one of {", ".join(OPTIMIZERS[:5])},
{", ".join(OPTIMIZERS[5:])}.

Every kind of record is read. Unmasked ones (prepare --masking dynamic) are masked anew in each
epoch, as the recipe says under 'prepare'. Of records in bins a run reads those of one length,
--set prepare.max_seq_length=128; a second phase on longer ones begins with the weights of the
first: --set prepare.max_seq_length=512 --set train.initial_run=FIRST_OUTPUT"""


def build_parser() -> argparse.ArgumentParser:
    """Returns the command's arguments."""
    parser = argparse.ArgumentParser(
        prog="mnemosyne pretrain",
        description="Pre-train BERT on records of 'mnemosyne prepare'. Run again to continue.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--recipe", required=True, help="a shipped recipe's name or a YAML file")
    parser.add_argument("--data", required=True, help="output folder of 'mnemosyne prepare'")
    parser.add_argument("--output", required=True, help="folder of this run")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        help="override one setting of the recipe; repeatable",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Trains, and returns 0 when the run is complete, 1 when it diverged."""
    args = build_parser().parse_args(argv)
    recipe = loader.load_recipe(args.recipe, args.set)
    try:
        figures = pretrain(recipe, data_dir=args.data, output_dir=args.output)
    except FloatingPointError as error:
        print(f"mnemosyne pretrain: {error}", file=sys.stderr)
        return 1
    from pipeline.run.progress import heldout_text

    print(f"pretrain: step {figures['step']:,}, held-out {heldout_text(figures)}")
    if figures["skipped_steps"]:
        print(f"pretrain: {figures['skipped_steps']} steps had gradients that were not finite")
    return 0


def pretrain(recipe: loader.Recipe, *, data_dir: str, output_dir: str) -> dict:
    """Trains one BERT and returns its final held-out figures.

    Args:
      recipe: every setting.
      data_dir: records, `manifest.json` and `vocab.txt`.
      output_dir: see `pipeline.run.run_folder`.

    Returns:
      `step`, `seconds`, `unigram_loss` and the held-out losses (nats) and accuracies.

    Raises:
      ValueError: recipe, records and vocabulary disagree, or the folder holds another run.
      FloatingPointError: the loss is no longer finite.
    """
    # TensorFlow is imported here, so that `--help` and a wrong recipe answer at once.
    import tensorflow as tf
    import tf_keras as keras

    from data_prep import features as records
    from models import BertConfig, BertPretrainer
    from pipeline import train_step
    from pipeline.data import input_pipeline, unigram
    from pipeline.data.record_reader import make_reader
    from pipeline.optimizers.from_recipe import make_optimizer, meta_parameters
    from pipeline.run import distribution, preflight
    from pipeline.run.checkpoints import TrainingCheckpoint, load_pretrained_model
    from pipeline.run.progress import TrainingProgress
    from pipeline.run.run_folder import RunFolder
    from pipeline.run.step_diagnostics import StepSizes

    train, manifest = recipe.train, records.load_manifest(data_dir)
    preflight.check_records(recipe, manifest, data_dir)
    run = RunFolder(output_dir, recipe)
    preflight.check_same_records(run.run_facts(), manifest, data_dir)
    if run.run_facts() is None:
        preflight.check_initial_run(recipe, manifest)
    if (figures := run.final_figures()) is not None:
        print(f"pretrain: already complete: {output_dir}")
        return figures

    strategy = distribution.make_strategy(train.strategy)
    preflight.check_batch(recipe, strategy.num_replicas_in_sync)
    reader = make_reader(recipe.prepare, manifest.settings, data_dir)
    train_shards, heldout_shards = (
        input_pipeline.shards_of(manifest, data_dir, split, reader.max_seq_length)
        for split in ("train", "heldout")
    )
    heldout = input_pipeline.ordered_dataset(
        heldout_shards,
        reader=reader,
        num_sequences=train.num_eval_sequences,
        global_batch_size=train.global_batch_size,
    )
    bert_config = BertConfig.named(
        recipe.model.size, vocab_size=recipe.vocab.vocab_size, **recipe.model.overrides()
    )
    keras.utils.set_random_seed(train.random_seed)  # initial weights
    with strategy.scope():
        model = BertPretrainer(bert_config)
        model({name: tensor[:1] for name, tensor in next(iter(heldout)).items()})
        optimizer = make_optimizer(
            recipe.optimizer,
            train.num_train_steps,
            # At most: a short sequence has fewer masked tokens.
            train.global_batch_size * recipe.prepare.max_predictions_per_seq,
        )
        optimizer.build(model.trainable_variables)
        preflight.check_same_meta_parameters(run.run_facts(), meta_parameters(optimizer))
        step = tf.Variable(0, dtype=tf.int64, trainable=False, name="step")
    run.begin()
    checkpoint = TrainingCheckpoint(run.checkpoints, model=model, optimizer=optimizer, step=step)
    if not checkpoint.restore() and train.initial_run:
        load_pretrained_model(model, train.initial_run)
    run.forget_metrics_after(checkpoint.steps_done)

    unigram_loss = unigram.unigram_loss(
        input_pipeline.ordered_dataset(
            train_shards,
            reader=reader,
            num_sequences=unigram.NUM_TRAIN_SEQUENCES,
            global_batch_size=train.global_batch_size,
        ),
        heldout,
        vocab_size=bert_config.vocab_size,
    )
    vocab_file = os.path.join(data_dir, "vocab.txt")
    tf.io.gfile.copy(vocab_file, str(run.path / "vocab.txt"), overwrite=True)
    bert_config.save(run.path / "bert_config.json")
    run.write_run(
        {
            "name": recipe.name,
            "optimizer": recipe.optimizer.name,
            "recipe": recipe.to_dict(),
            "parameters": model.count_params(),
            "replicas": strategy.num_replicas_in_sync,
            "devices": distribution.device_names(strategy),
            "unigram_loss": unigram_loss,
            "data": data_dir,
            "reads": reader.describe(),
            "data_manifest": dataclasses.asdict(manifest),
            "meta_parameters": meta_parameters(optimizer),
        }
    )

    dataset = input_pipeline.train_dataset(
        train_shards,
        reader=reader,
        global_batch_size=train.global_batch_size,
        seed=train.random_seed,
        first_step=checkpoint.steps_done,
    )
    batches = iter(strategy.experimental_distribute_dataset(dataset))
    heldout_batches = strategy.experimental_distribute_dataset(heldout)
    run_steps = train_step.make_train_steps(strategy, model, optimizer, step, train.random_seed)
    evaluate = train_step.make_evaluate(strategy, model, optimizer)
    step_sizes = None
    if train.log_step_sizes:
        multipliers = getattr(optimizer, "step_multipliers", None)  # Mnemosyne's alone.
        step_sizes = StepSizes(model.trainable_variables, run.path / "step_sizes", multipliers)

    def run_some(num_steps):
        """Runs so many steps; the last by itself where its step sizes are logged."""
        last = checkpoint.steps_done + num_steps
        if step_sizes is None or last % train.log_every_steps:
            return run_steps(batches, tf.constant(num_steps))
        sums = run_steps(batches, tf.constant(num_steps - 1))
        with step_sizes.watch(last):
            return sums + run_steps(batches, tf.constant(1))

    with TrainingProgress(run, checkpoint, recipe, unigram_loss) as progress:
        while checkpoint.steps_done < train.num_train_steps:
            num_steps = next_stop(train, checkpoint.steps_done) - checkpoint.steps_done
            started = time.perf_counter()
            sums = run_some(num_steps).numpy()
            progress.trained(sums, num_steps=num_steps, seconds=time.perf_counter() - started)
            if (
                checkpoint.steps_done % train.eval_every_steps == 0
                and checkpoint.steps_done < train.num_train_steps
            ):
                progress.evaluated(evaluate(heldout_batches))
            if checkpoint.steps_done % train.checkpoint_every_steps == 0:
                checkpoint.save()
        final = evaluate(heldout_batches)
        progress.evaluated(final)
    if checkpoint.steps_done % train.checkpoint_every_steps:
        checkpoint.save()
    figures = {
        "step": checkpoint.steps_done,
        "seconds": float(checkpoint.seconds),
        "skipped_steps": checkpoint.skipped_steps,
        "unigram_loss": unigram_loss,
        **final,
    }
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
