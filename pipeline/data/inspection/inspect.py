"""Prints decoded records and statistics over many of them: a folder of records to text."""

import itertools
import os
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import tensorflow as tf

from data_prep import features as records
from data_prep.settings import RecordSettings
from data_prep.wordpiece import load_vocabulary
from pipeline.data import packing
from pipeline.data.inspection.record_statistics import measure, save_histogram
from pipeline.data.inspection.record_text import format_record
from pipeline.data.record_reader import check_objective
from pipeline.data.shards import compression

_BATCH = 512


def inspect_records(
    directory: str, *, split: str, count: int, max_records: int, histogram: str | None = None
) -> None:
    """Prints records and statistics.

    Args:
      directory: output folder of `mnemosyne prepare`.
      split: "train" or "heldout".
      count: records to print.
      max_records: records of the statistics, from the first shard on; 0 takes all.
      histogram: path of a picture of the lengths; None writes none.

    Raises:
      FileNotFoundError: If the folder is not a finished folder of records.
      ValueError: If the split is unknown or empty, or a shard is damaged.
    """
    manifest = records.load_manifest(directory)
    check_objective(manifest.settings, directory)
    shards = _shards(manifest, directory, split)
    vocab = load_vocabulary(os.path.join(directory, "vocab.txt"))
    has_pairs = manifest.settings.get("objective") != "mlm"
    shown = _batches(shards, manifest.settings, max_records=count, batch_size=1)
    for number, batch in enumerate(shown if count else ()):
        record = {name: values[0] for name, values in batch.items()}
        title = f"{split} record {number}"
        print(format_record(record, vocab, title=title, has_pairs=has_pairs) + "\n")
    statistics = measure(
        _batches(shards, manifest.settings, max_records=max_records, batch_size=_BATCH),
        vocab=vocab,
        max_seq_length=manifest.settings["max_seq_length"],
        has_pairs=has_pairs,
    )
    in_split = manifest.splits[split]["sequences"]
    part = "all" if statistics.sequences == in_split else "the first"
    print(f"statistics of {part} {statistics.sequences:,} of {in_split:,} {split} sequences")
    print(f"{statistics.table()}\n\n{packing_text(statistics.lengths, manifest.settings)}")
    print(f"\n{statistics.histogram()}")
    if histogram:
        save_histogram(statistics, histogram)
        print(f"\nhistogram: {histogram}")


def packing_text(counts: np.ndarray, settings: Mapping) -> str:
    """Returns how full the rows of a batch are, with a record each and packed.

    Args:
      counts: sequences of each length, `[max_seq_length + 1]`.
      settings: of `mnemosyne prepare`.
    """
    seq_len, num_sequences = settings["max_seq_length"], counts.sum()
    fraction = settings.get("masked_lm_prob", RecordSettings.masked_lm_prob)
    predictions = packing.most_predictions(seq_len, fraction, settings["max_predictions_per_seq"])
    limits = packing.limits_for(counts, max_tokens=seq_len, predictions=predictions)
    num_rows = packing.packed_rows(counts, predictions=predictions, limits=limits)
    num_tokens = counts @ np.arange(seq_len + 1)
    single, packed = (num_tokens / (rows * seq_len) for rows in (num_sequences, num_rows))
    return (
        f"rows of {seq_len} tokens: {single:.1%} full with a record each, {packed:.1%} with "
        f"train.packing, then "
        f"{num_sequences / num_rows:.2f} sequences a row, at most {limits.max_sequences}, and at "
        f"most {limits.max_predictions} predictions"
    )


def _shards(manifest: records.Manifest, directory: str, split: str) -> list[tuple[str, int]]:
    """Returns path and record length of every shard, in order."""
    if split not in manifest.splits:
        raise ValueError(f"--split: expected one of {', '.join(manifest.splits)}, received {split}")
    if not manifest.splits[split]["sequences"]:
        raise ValueError(
            f"--split {split}: expected sequences, {directory} has none in this split; choose "
            "another, or prepare more text"
        )
    paths = manifest.shard_files(directory, split)
    for path in paths:
        if not os.path.exists(path):
            raise FileNotFoundError(
                f"{path}: shard named in manifest.json is missing; run `mnemosyne prepare` again"
            )
    one_length = manifest.settings["max_seq_length"]
    shards = manifest.splits[split]["shards"]
    return [
        (path, shard.get("max_seq_length", one_length))
        for path, shard in zip(paths, shards, strict=True)
    ]


def _batches(
    shards: Sequence[tuple[str, int]], settings: Mapping, *, max_records: int, batch_size: int
) -> Iterator[Mapping[str, np.ndarray]]:
    """Yields parsed records in NumPy, in file order; `max_records` of 0 is all."""
    left = max_records or np.iinfo(np.int64).max
    for length, same in itertools.groupby(shards, key=lambda shard: shard[1]):
        paths = [path for path, _ in same]
        kind = {
            "max_seq_length": length,
            "max_predictions_per_seq": settings["max_predictions_per_seq"],
            "masking": settings.get("masking", "static"),
        }
        for batch in _parsed(paths, kind, max_records=left, batch_size=batch_size):
            yield batch
            left -= len(batch["input_ids"])
        if not left:
            return


def _parsed(
    paths: Sequence[str], kind: Mapping, *, max_records: int, batch_size: int
) -> Iterator[Mapping[str, np.ndarray]]:
    serialized = tf.data.TFRecordDataset(list(paths), compression(paths))
    dataset = serialized.take(max_records).batch(batch_size)
    try:
        yield from dataset.map(
            lambda serialized: records.parse_examples(serialized, **kind)
        ).as_numpy_iterator()
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError) as error:
        raise ValueError(
            f"{os.path.dirname(paths[0])}: expected records of {kind}, received something "
            f"else ({error.message}); run `mnemosyne prepare` again"
        ) from error
