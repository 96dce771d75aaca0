"""`mnemosyne inspect`: prints decoded records, and statistics over many of them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

_EPILOG = """example:
  mnemosyne inspect runs/tiny/data --count 5 --split heldout

in a record, [MASK]->lord is a hidden word, horse->lord one that was replaced by a random word,
lord->lord one that was left as it is; all three are to be predicted. "with train.packing" says how
full the rows of a batch become where short records share one.
"""


def build_parser() -> argparse.ArgumentParser:
    """Returns the parser."""
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
        help="records of the statistics, from the first shard on; 0 takes all (%(default)s)",
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
    # Only now: TensorFlow takes seconds, and --help and bad flags need none of it.
    from pipeline.data.inspection.inspect import inspect_records

    inspect_records(
        args.directory,
        split=args.split,
        count=args.count,
        max_records=args.max_records,
        histogram=args.histogram,
    )
    return 0
