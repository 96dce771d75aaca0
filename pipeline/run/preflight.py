"""Refuses to train when recipe, records and machine disagree, naming the flag to change."""

from __future__ import annotations

import dataclasses
import json
import pathlib
from collections.abc import Mapping

import tensorflow as tf
import tf_keras as keras

from data_prep import features as records
from data_prep import storage
from models import BertConfig
from pipeline.data.batch_shape import highest_masked_fraction, length_counts
from pipeline.gradient_accumulation import num_micro_batches
from pipeline.objectives.objective import Config, Objective, refuse_other_family
from pipeline.optimizers.from_recipe import meta_parameters
from pipeline.recipes.loader import Recipe, differences
from pipeline.recipes.record_settings import decided_by_recipe
from pipeline.recipes.sections import ModelConfig
from pipeline.run.checkpoints import newest_checkpoint, run_of
from pipeline.run.run_folder import RunFolder
from pipeline.weights.model_folder import is_model_folder, read_model_folder

# May differ between a run and the one whose weights it begins with.
_NO_WEIGHTS = ("dropout", "attention_dropout", "initializer_range")


def check(
    recipe: Recipe,
    run: RunFolder,
    manifest: records.Manifest,
    data_dir: str,
    objective: Objective,
    strategy: tf.distribute.Strategy,
    optimizer: keras.optimizers.Optimizer,
) -> None:
    """Makes every check of recipe, records, folder and machine, before anything is written.

    Args:
      recipe: every setting.
      run: the run folder; it has compared the recipe with its own.
      manifest: of the records in `data_dir`.
      data_dir: folder of the records.
      objective: whose model is to be trained.
      strategy: its replicas share the batch.
      optimizer: its meta-parameters, if it has any, must be those of the run.

    Raises:
      FileNotFoundError: `train.initial_run` is no run folder with a checkpoint.
      ValueError: two of them disagree; the message names the setting or flag to change.
    """
    facts = run.run_facts()
    check_records(recipe, manifest, data_dir)
    check_same_records(facts, manifest, data_dir)
    if run.final_figures() is None:
        check_batch(recipe, strategy.num_replicas_in_sync)
        check_same_meta_parameters(facts, meta_parameters(optimizer))
    if facts is None:
        check_initial_run(recipe, manifest, objective)


def check_same_records(run_facts: Mapping | None, manifest: records.Manifest, data_dir: str):
    """Refuses to continue a run on other records than it began with.

    Args:
      run_facts: what the run folder's `run.json` holds, None for a new run.
      manifest: of the records in `data_dir`.

    Raises:
      ValueError: vocabulary or shards are not those of the run.
    """
    if run_facts is None:
        return
    began_with, now = run_facts["data_manifest"], dataclasses.asdict(manifest)
    for part in ("vocab", "splits"):
        if began_with[part] != now[part]:
            raise ValueError(
                f"This run began with the records of {run_facts['data']}, {data_dir} holds others "
                f"('{part}' of manifest.json differs). Pass the old --data, or a new --output."
            )


def check_same_meta_parameters(run_facts: Mapping | None, fingerprint: str | None) -> None:
    """Refuses to continue a run with other meta-parameters, which another release may bring.

    Args:
      run_facts: what the run folder's `run.json` holds, None for a new run.
      fingerprint: of the optimizer's meta-parameters, None of one that has none.

    Raises:
      ValueError: they are not those of the run.
    """
    if run_facts is None or (began_with := run_facts.get("meta_parameters")) == fingerprint:
        return
    raise ValueError(
        f"This run began with the meta-parameters {began_with}, this release trains with "
        f"{fingerprint}. Continue it with the release that began it, or pass a new --output."
    )


def check_records(recipe: Recipe, manifest: records.Manifest, data_dir: str) -> None:
    """Compares the recipe with the manifest of the records.

    Raises:
      ValueError: records of another length, number of predictions or casing, no bin of this
        length, unmasked records that ask for n-grams, or a vocabulary larger than the embedding
        table; packing without known lengths, or a masked fraction that has no effect.
    """
    made_with = manifest.settings
    _check_settings(recipe, made_with, data_dir)
    bins = [int(length) for length in made_with.get("bins", "").split(",") if length]
    if bins and recipe.prepare.max_seq_length not in bins:
        raise ValueError(
            f"A row of a batch is as long as one of the bins. The recipe asks for "
            f"{recipe.prepare.max_seq_length}, {data_dir} has bins of "
            f"{', '.join(map(str, bins))}. Pass --set prepare.max_seq_length={bins[0]}, or "
            "another. With --set train.packing=true shorter bins are read, too."
        )
    _check_packing(recipe, manifest, data_dir)
    _check_masked_fraction(recipe, manifest, data_dir)
    if made_with.get("masking") == "dynamic" and made_with.get("max_ngram", 1) > 1:
        raise ValueError(
            f"{data_dir} was prepared with --max_ngram {made_with['max_ngram']} and --masking "
            "dynamic, but the trainer masks single words. Prepare it with --masking static, or "
            "with --max_ngram 1."
        )
    if recipe.vocab.vocab_size < manifest.vocab["size"]:
        raise ValueError(
            f"vocab.vocab_size must be at least the size of the vocabulary, {data_dir}/vocab.txt "
            f"has {manifest.vocab['size']} entries, the recipe says {recipe.vocab.vocab_size}. "
            f"Pass --set vocab.vocab_size={manifest.vocab['size']}."
        )


def _check_packing(recipe: Recipe, manifest: records.Manifest, data_dir: str) -> None:
    if recipe.train.packing and not length_counts(manifest, recipe.prepare.max_seq_length).any():
        raise ValueError(
            f"train.packing needs the lengths of the records, {data_dir}/manifest.json has none of "
            f"up to {recipe.prepare.max_seq_length} tokens in 'length_histogram'. Run 'mnemosyne "
            "prepare' into a new folder, or pass --set train.packing=false."
        )


def _check_masked_fraction(recipe: Recipe, manifest: records.Manifest, data_dir: str) -> None:
    initial = recipe.train.initial_masked_lm_prob
    if initial is None:
        return
    if manifest.settings.get("masking") != "dynamic":
        raise ValueError(
            f"train.initial_masked_lm_prob={initial} has no effect on masked records, {data_dir} "
            "was prepared with --masking static. Prepare it with --masking dynamic, or leave the "
            "setting out."
        )
    needed = round(highest_masked_fraction(recipe) * recipe.prepare.max_seq_length)
    if recipe.prepare.max_predictions_per_seq < needed:
        raise ValueError(
            f"prepare.max_predictions_per_seq must be at least {needed} to mask "
            f"{highest_masked_fraction(recipe):.0%} of {recipe.prepare.max_seq_length} tokens, "
            f"received {recipe.prepare.max_predictions_per_seq}. Pass --set "
            f"prepare.max_predictions_per_seq={needed}."
        )


def _check_settings(recipe: Recipe, made_with: Mapping, data_dir: str) -> None:
    """Names every setting in which recipe and records differ, and all that mends it, at once."""
    left = decided_by_recipe(made_with)
    rows = [
        (f"prepare.{flag}", flag, getattr(recipe.prepare, flag), made_with[flag])
        for flag in ("max_seq_length", "max_predictions_per_seq")
        if flag not in left
    ]
    if "do_lower_case" in made_with:
        flag = "do_lower_case"
        rows.append((f"vocab.{flag}", flag, recipe.vocab.do_lower_case, made_with[flag]))
    rows = [row for row in rows if row[2] != row[3]]
    if not rows:
        return
    expected = ", ".join(f"{flag}={_word(recipe_has)}" for _, flag, recipe_has, _ in rows)
    received = ", ".join(f"{flag}={_word(records_have)}" for _, flag, _, records_have in rows)
    overrides = " ".join(f"--set {key}={_word(records_have)}" for key, _, _, records_have in rows)
    # `prepare` refuses another casing than that of its vocabulary.
    mendable = [row for row in rows if row[1] != "do_lower_case"]
    flags = " ".join(f"--{flag} {_word(recipe_has)}" for _, flag, recipe_has, _ in mendable)
    if len(mendable) < len(rows):
        flags = " ".join([*flags.split(), "--vocab_file VOCAB_OF_THAT_CASING"])
    raise ValueError(
        f"The recipe expects records with {expected}, {data_dir} was prepared with {received}. "
        f"Pass {overrides}, or run 'mnemosyne prepare {flags}' into a new folder."
    )


def check_initial_run(recipe: Recipe, manifest: records.Manifest, objective: Objective) -> None:
    """Checks that the weights of `train.initial_run`, if one is named, fit this run.

    Raises:
      FileNotFoundError: it is no run folder with a checkpoint, no checkpoint of one and no model
        folder.
      ValueError: its model or its vocabulary is another.
    """
    directory = recipe.train.initial_run
    if not directory:
        return
    newest_checkpoint(directory)
    config = objective.config(recipe, manifest)
    began_with, vocabulary = _model_and_vocabulary(directory, objective)
    changed = differences(*map(dataclasses.asdict, (began_with, config)))
    changed = [row for row in changed if not row.startswith(_NO_WEIGHTS)]
    if vocabulary != manifest.vocab["sha256"]:
        changed.append("vocab.txt")
    if not changed:
        return
    remedy = "Train the same model on records of the same vocab.txt"
    if is_model_folder(directory):
        remedy += f", which are {_as_overrides(began_with)} and {directory}/vocab.txt"
    if any(row.startswith("max_position_embeddings") for row in changed):
        rows = config.max_position_embeddings
        remedy += f", the first phase with --set model.max_position_embeddings={rows} already"
    raise ValueError(
        "train.initial_run must be a run or a model folder with the same model and vocabulary, "
        f"{directory} differs in {'; '.join(changed)}. {remedy}, or leave train.initial_run empty."
    )


def _model_and_vocabulary(directory: str, objective: Objective) -> tuple[Config, str]:
    """The architecture of a run or a model folder, and the SHA-256 of its vocabulary."""
    if is_model_folder(directory):
        if objective.family != "BERT":
            raise refuse_other_family(directory, expected=objective.family, received="BERT")
        folder = read_model_folder(directory)
        return folder.config, storage.sha256(folder.vocab_file)
    run = pathlib.Path(run_of(directory))
    facts = json.loads((run / "run.json").read_text(encoding="utf-8"))
    return objective.config_of_run(run), facts["data_manifest"]["vocab"]["sha256"]


def _as_overrides(config: BertConfig) -> str:
    settings = dataclasses.asdict(config)
    known = [field.name for field in dataclasses.fields(ModelConfig) if field.name in settings]
    sizes = [f"--set model.{name}={settings[name]}" for name in known if name not in _NO_WEIGHTS]
    return " ".join([f"--set vocab.vocab_size={config.vocab_size}", *sizes])


def check_batch(recipe: Recipe, num_replicas: int) -> None:
    """Checks that the batch divides among the replicas, and their share into micro-batches.

    Raises:
      ValueError: it does not.
    """
    batch = recipe.train.global_batch_size
    if batch % num_replicas:
        raise ValueError(
            f"train.global_batch_size must be a multiple of the {num_replicas} replicas, received "
            f"{batch}. Pass --set train.global_batch_size={batch + -batch % num_replicas}."
        )
    num_micro_batches(batch // num_replicas, recipe.train.micro_batch_size)


def _word(value: int | bool) -> str:
    return str(value).lower()
