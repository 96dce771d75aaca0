"""`mnemosyne predict`: labels and probabilities for the rows of a file."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

_EPILOG = """example:
  mnemosyne predict --checkpoint scores/models/SST-2 --input reviews.tsv --output labels.tsv

reads TSV with a header, JSONL or Parquet, by the file's ending or content, and writes the kind that
the ending of --output names: the number of each row (from 1) with its label and probability, or its
score. Rows that cannot be used are counted and saved in OUTPUT.rejects.jsonl.
"""


def build_parser() -> argparse.ArgumentParser:
    """Returns the parser."""
    parser = argparse.ArgumentParser(
        prog="mnemosyne predict",
        description="Label the rows of a file with a fine-tuned model or a soft prompt.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--checkpoint",
        required=True,
        metavar="DIR",
        help="a fine-tuned task, models/TASK in the output of 'mnemosyne glue', a prompt, "
        "prompts/TASK-seedN in that of 'mnemosyne prompt', or an imported classifier",
    )
    add("--input", required=True, metavar="FILE", help="TSV, JSONL or Parquet with the texts")
    add("--output", required=True, metavar="FILE", help="to write: .tsv, .jsonl or .parquet")
    add(
        "--columns",
        metavar="NAMES",
        default="",
        help="column of the text, or both of a pair joined by a comma (those of the task)",
    )
    add("--batch_size", type=int, default=64, help="rows per forward pass (%(default)s)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns 0.

    Raises:
        FileNotFoundError: a folder or file is missing.
        ValueError: a flag or file cannot be used.
    """
    args = build_parser().parse_args(argv)
    if args.batch_size < 1:
        raise ValueError(f"--batch_size: expected 1 or more, received {args.batch_size}")
    # Only now: TensorFlow takes seconds, and --help and bad flags need none of it.
    from pipeline.prediction.story import predict_file

    columns = [name.strip() for name in args.columns.split(",") if name.strip()]
    predict_file(
        args.checkpoint, args.input, args.output, columns=columns, batch_size=args.batch_size
    )
    return 0
