"""Refuses to train when recipe, records and machine disagree, naming the flag to change."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from data_prep import features as records
from pipeline.config import Recipe

# Settings of the records that the trainer relies on; the others only describe them.
_MUST_AGREE = ("max_seq_length", "max_predictions_per_seq")
# Kinds of records that `mnemosyne prepare` makes for other trainers.
_NOT_TRAINED_ON = (
    ("objective", lambda value: value == "mlm", "with --objective mlm_nsp or mlm_sop"),
    ("masking", lambda value: value == "dynamic", "with --masking static"),
    ("bins", bool, "without --bins"),
)


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


def check_records(recipe: Recipe, manifest: records.Manifest, data_dir: str) -> None:
    """Compares the recipe with the manifest of the records.

    Raises:
      ValueError: another sequence length or number of predictions, records of a kind that is
        not trained on, or a vocabulary larger than the model's embedding table.
    """
    prepare = dataclasses.asdict(recipe.prepare)
    for flag in _MUST_AGREE:
        expected, received = prepare[flag], manifest.settings[flag]
        if expected != received:
            raise ValueError(
                f"The recipe expects records with {flag}={expected}, {data_dir} was prepared with "
                f"{flag}={received}. Run 'mnemosyne prepare --{flag} {expected}' into a new "
                f"folder, or pass --set prepare.{flag}={received}."
            )
    for flag, refused, remedy in _NOT_TRAINED_ON:
        if refused(manifest.settings.get(flag)):
            raise ValueError(
                f"{data_dir} was prepared with --{flag} {manifest.settings[flag]}, which this "
                f"trainer does not read. Prepare it {remedy}."
            )
    if recipe.vocab.vocab_size < manifest.vocab["size"]:
        raise ValueError(
            f"vocab.vocab_size must be at least the size of the vocabulary, {data_dir}/vocab.txt "
            f"has {manifest.vocab['size']} entries, the recipe says {recipe.vocab.vocab_size}. "
            f"Pass --set vocab.vocab_size={manifest.vocab['size']}."
        )


def check_batch(recipe: Recipe, num_replicas: int) -> None:
    """Checks that the batch divides among the replicas.

    Raises:
      ValueError: it does not.
    """
    batch = recipe.train.global_batch_size
    if batch % num_replicas:
        raise ValueError(
            f"train.global_batch_size must be a multiple of the {num_replicas} replicas, received "
            f"{batch}. Pass --set train.global_batch_size={batch + -batch % num_replicas}."
        )
