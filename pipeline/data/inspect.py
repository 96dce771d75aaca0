"""`mnemosyne inspect`: prints decoded records and what they look like on the whole."""

import argparse
import itertools
import os
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from data_prep import features as records

_EPILOG = """example:
  mnemosyne inspect runs/tiny/data --count 5 --split heldout

in a record, [MASK]->lord is a hidden word, horse->lord one that was replaced by
a random word, lord->lord one that was left as it is; all three are to be predicted.
"""
_BATCH = 512


def build_parser() -> argparse.ArgumentParser:
    """The flags of the command."""
    parser = argparse.ArgumentParser(
        prog="mnemosyne inspect",
        description="Print decoded records with their tokens, and statistics.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("directory", metavar="DIR", help="output of `mnemosyne prepare`")
    add("--count", type=int, default=3, help="records to print (%(default)s)")
    add("--split", default="train", help="train or heldout (%(default)s)")
    add(
        "--max_records",
        type=int,
        default=20_000,
        metavar="N",
        help="records to count over, from the first shard on; 0 takes all (%(default)s)",
    )
    add("--histogram", metavar="FILE.png", help="also write the lengths as a picture")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Prints records and statistics; returns 0.

    Raises:
      FileNotFoundError: If the folder is not a finished folder of records.
      ValueError: If the split is unknown or empty, or a shard is damaged.
    """
    args = build_parser().parse_args(argv)
    if args.count < 0 or args.max_records < 0:
        raise ValueError(
            f"--count and --max_records: expected 0 or more, received {args.count} and "
            f"{args.max_records}"
        )
    manifest = records.load_manifest(args.directory)
    shards = _shards(manifest, args.directory, args.split)
    # Only now: TensorFlow takes seconds, and --help and bad input need none of it.
    from data_prep.wordpiece import load_vocabulary
    from pipeline.data.record_statistics import measure, save_histogram
    from pipeline.data.record_text import format_record

    vocab = load_vocabulary(os.path.join(args.directory, "vocab.txt"))
    has_pairs = manifest.settings.get("objective") != "mlm"
    shown = _batches(shards, manifest.settings, max_records=args.count, batch_size=1)
    for number, batch in enumerate(shown if args.count else ()):
        record = {name: values[0] for name, values in batch.items()}
        title = f"{args.split} record {number}"
        print(format_record(record, vocab, title=title, has_pairs=has_pairs) + "\n")
    statistics = measure(
        _batches(shards, manifest.settings, max_records=args.max_records, batch_size=_BATCH),
        vocab=vocab,
        max_seq_length=manifest.settings["max_seq_length"],
        has_pairs=has_pairs,
    )
    in_split = manifest.splits[args.split]["sequences"]
    part = "all" if statistics.sequences == in_split else "the first"
    print(f"statistics of {part} {statistics.sequences:,} of {in_split:,} {args.split} sequences")
    print("\n".join(statistics.lines()))
    print("\nlength          sequences")
    print("\n".join(statistics.histogram_lines()))
    if args.histogram:
        save_histogram(statistics, args.histogram)
        print(f"\nhistogram: {args.histogram}")
    return 0


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
    import tensorflow as tf

    from pipeline.data.input_pipeline import compression

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
