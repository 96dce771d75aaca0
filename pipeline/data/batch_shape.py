"""The shape of a run's batches, from its recipe and the manifest of its records."""

from __future__ import annotations

import dataclasses

import numpy as np

from data_prep import features as records
from pipeline.data import packing
from pipeline.recipes.loader import Recipe


@dataclasses.dataclass(frozen=True)
class BatchShape:
    """Shape of the batch of one step, over all replicas, and how full it is.

    Attributes:
      rows: `train.global_batch_size`.
      seq_len: positions of a row.
      max_sequences: most sequences of a row; 1 without packing.
      num_predictions: most masked tokens of a row; of span corruption most tokens of a target.
      record_lengths: positions of a record, increasing; several of records in bins.
      sequences_per_row: mean expected from the lengths in the manifest; None where it has none.
      useful_fraction: expected fraction of the positions that hold a token; None likewise.
    """

    rows: int
    seq_len: int
    max_sequences: int
    num_predictions: int
    record_lengths: tuple[int, ...]
    sequences_per_row: float | None
    useful_fraction: float | None

    @property
    def most_labels(self) -> int:
        """Returns the most tokens to predict in one step; a short sequence has fewer."""
        return self.rows * self.num_predictions

    @property
    def limits(self) -> packing.RowLimits:
        """Returns what a row has room for."""
        return packing.RowLimits(self.seq_len, self.max_sequences, self.num_predictions)


def batch_shape(recipe: Recipe, manifest: records.Manifest) -> BatchShape:
    """Returns the shape of a batch.

    Without packing a row is a record. With it, room for sequences and for predictions follows from
    the lengths of the records: `packing.limits_for`.
    """
    seq_len = recipe.prepare.max_seq_length
    counts = length_counts(manifest, seq_len)
    limits = packing.RowLimits(seq_len, 1, _predictions_of_a_record(recipe, manifest))
    num_rows = counts.sum()
    if recipe.train.packing and num_rows:
        predictions = predictions_by_length(recipe, manifest)
        limits = packing.limits_for(counts, max_tokens=seq_len, predictions=predictions)
        num_rows = packing.packed_rows(counts, predictions=predictions, limits=limits)
    num_tokens = counts @ np.arange(seq_len + 1)
    return BatchShape(
        rows=recipe.train.global_batch_size,
        seq_len=seq_len,
        max_sequences=limits.max_sequences,
        num_predictions=limits.max_predictions,
        record_lengths=_record_lengths(recipe, manifest),
        sequences_per_row=float(counts.sum() / num_rows) if num_rows else None,
        useful_fraction=float(num_tokens / (num_rows * seq_len)) if num_rows else None,
    )


def length_counts(manifest: records.Manifest, seq_len: int) -> np.ndarray:
    """Returns the sequences of each length up to `seq_len`, int64 `[seq_len + 1]`.

    Longer ones stand in longer bins. All are 0 where the manifest does not say.
    """
    counts = manifest.statistics.get("length_histogram", [])[: seq_len + 1]
    return np.pad(np.array(counts, np.int64), (0, seq_len + 1 - len(counts)))


def predictions_by_length(recipe: Recipe, manifest: records.Manifest) -> np.ndarray:
    """Returns the most masked tokens of a sequence of each length, int64 `[seq_len + 1]`.

    Records that are masked say themselves which fraction; of a fraction that falls in the course of
    the run the first counts.
    """
    prepare = recipe.prepare
    fraction = highest_masked_fraction(recipe)
    if manifest.settings.get("masking", "static") == "static":
        fraction = manifest.settings.get("masked_lm_prob", fraction)
    return packing.most_predictions(
        prepare.max_seq_length, fraction, prepare.max_predictions_per_seq
    )


def highest_masked_fraction(recipe: Recipe) -> float:
    """Returns the largest fraction of the tokens that the trainer masks at any step."""
    return max(recipe.prepare.masked_lm_prob, recipe.train.initial_masked_lm_prob or 0.0)


def _predictions_of_a_record(recipe: Recipe, manifest: records.Manifest) -> int:
    if recipe.prepare.replaces_spans:
        return manifest.statistics["target_length"]
    return recipe.prepare.max_predictions_per_seq


def _record_lengths(recipe: Recipe, manifest: records.Manifest) -> tuple[int, ...]:
    seq_len = recipe.prepare.max_seq_length
    bins = [int(each) for each in manifest.settings.get("bins", "").split(",") if each]
    if not (bins and recipe.train.packing):
        return (seq_len,)
    return tuple(length for length in bins if length <= seq_len)
