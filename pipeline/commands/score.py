"""`mnemosyne score`: pseudo-log-likelihoods of minimal pairs, and the masked words of a text."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

_EPILOG = """examples:
  mnemosyne score --checkpoint run --input pairs.jsonl --output scores.jsonl
  mnemosyne score --checkpoint run --fill "the [MASK] of the united states" --top_k 3

A pair is a line such as {"good": "the cats sleep", "bad": "the cats sleeps"}; of BLiMP:
  --columns sentence_good,sentence_bad
Each token is masked in turn and its log probability summed (Salazar et al. 2020); a pair is correct
if the good sentence scores higher. The last line is the accuracy; rows that cannot be used are
counted and saved in OUTPUT.rejects.jsonl.
"""


def build_parser() -> argparse.ArgumentParser:
    """Returns the parser."""
    parser = argparse.ArgumentParser(
        prog="mnemosyne score",
        description="Score minimal pairs, or name the words at the masks of a text.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--checkpoint",
        required=True,
        metavar="DIR",
        help="a run or model folder with its masked-LM head",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--input", metavar="FILE", help="JSONL, TSV or Parquet with minimal pairs")
    what.add_argument("--fill", metavar="TEXT", help="a text with [MASK] at least once")
    add("--output", metavar="FILE", help="scores of the pairs: .jsonl, .tsv or .parquet")
    add(
        "--columns",
        metavar="GOOD,BAD",
        default="good,bad",
        help="of the good and of the bad sentence (%(default)s)",
    )
    add("--batch_size", type=int, default=64, help="masked copies per forward pass (%(default)s)")
    add("--top_k", type=int, default=5, help="words per mask (%(default)s)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns 0.

    Raises:
        FileNotFoundError: a folder or file is missing.
        ValueError: a flag or file cannot be used.
    """
    args = build_parser().parse_args(argv)
    for name in ("batch_size", "top_k"):
        if getattr(args, name) < 1:
            raise ValueError(f"--{name}: expected 1 or more, received {getattr(args, name)}")
    columns = args.columns.split(",")
    if len(columns) != 2:
        raise ValueError(f"--columns: expected two names, GOOD,BAD, received {args.columns}")
    if args.fill is not None and args.output:
        raise ValueError(
            f"--output: expected none with --fill, whose words are printed, received {args.output}"
        )
    if args.input and not args.output:
        raise ValueError("--output: expected a file for the scores of --input, received none")
    # Only now: TensorFlow takes seconds, and --help and bad flags need none of it.
    from pipeline.scoring import story

    if args.fill is not None:
        story.print_masked_words(args.checkpoint, args.fill, args.top_k)
    else:
        story.score_pairs(
            args.checkpoint, args.input, args.output, columns=columns, batch_size=args.batch_size
        )
    return 0
