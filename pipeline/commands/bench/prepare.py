"""`mnemosyne bench prepare`: records made per CPU second, by us and by others, from one text."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

from pipeline.lab import figures_file

_HOW_TO_GET_GOOGLE = (
    "`pip download --no-deps bert-tensorflow==1.0.4`, unzip the wheel, `pip install six`"
)
_EPILOG = f"""example:
  mnemosyne bench prepare --input 'articles/*.txt.xz' --vocab_file vocab.txt \\
      --google_bert DIR --output bench.json
  mnemosyne bench prepare --input 'articles/*.txt.xz' --vocab_file vocab.txt \\
      --max_seq_length 128 --dupe_factor 1 --repeats 3

Every program reads the same text, a sentence a line, in a process of its own on one core. Its CPU
time after its imports counts; loading the vocabulary is part of it. "mnemosyne, splitting" reads
whole paragraphs and finds the sentences itself, which the others cannot. Rates depend on the
processor, which is printed.

google-research/bert is measured if you have it: DIR is the folder with its package `bert`.
{_HOW_TO_GET_GOOGLE}.
It is slow, so it reads the first --google_megabytes of the text; rates are compared.
"""


def build_parser() -> argparse.ArgumentParser:
    """Returns the flags of the suite."""
    parser = argparse.ArgumentParser(
        prog="mnemosyne bench prepare",
        description="Compare data preparation by CPU time, on one core.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--input", required=True, action="append", metavar="GLOB[::LAYOUT]", help="see prepare")
    add("--vocab_file", required=True, help="WordPiece vocabulary, one entry a line")
    add("--output", metavar="FILE.json", help="also write all figures here")
    add(
        "--google_bert",
        metavar="DIR",
        help="google-research/bert's package (not measured)",
    )
    add("--megabytes", type=float, default=20, help="text to use, in MB (%(default)s)")
    add(
        "--google_megabytes",
        type=float,
        default=2,
        help="text for google's, in MB (%(default)s)",
    )
    add("--max_seq_length", type=int, nargs="+", default=[128, 512], help="(128 512)")
    add("--dupe_factor", type=int, nargs="+", default=[1, 10], help="(1 10)")
    add("--repeats", type=int, default=1, help="runs of each, of which the median (%(default)s)")
    add("--core", type=int, help="number of the core to use (the last one)")
    add("--scratch", metavar="DIR", help="where to put samples and records (the system's)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Measures, prints the table, writes the JSON; returns 0.

    Raises:
        ValueError: a flag makes no sense, or a program failed.
        FileNotFoundError: input, vocabulary or package does not exist.
    """
    args = build_parser().parse_args(argv)
    _check(args)
    if not args.google_bert:
        print("google-research/bert is not measured. To have it: --google_bert DIR, see --help.")
    from pipeline.lab.prepare import story

    settings = vars(args)
    output = settings.pop("output")
    story.run(story.Settings(**settings), output)
    return 0


def _check(args: argparse.Namespace) -> None:
    for name in ("megabytes", "google_megabytes", "repeats"):
        if getattr(args, name) <= 0:
            raise ValueError(f"--{name}: expected more than 0, received {getattr(args, name)}.")
    figures_file.check_folders({"output": args.output})
    cores = os.sched_getaffinity(0)
    if args.core is not None and args.core not in cores:
        raise ValueError(f"--core: expected one of {sorted(cores)}, received {args.core}.")
    if not os.path.isfile(args.vocab_file):
        raise FileNotFoundError(
            f"{args.vocab_file}: expected a vocabulary file, but it does not exist. Make one with "
            "`mnemosyne vocab`."
        )
    script = os.path.join(args.google_bert or "", "bert", "create_pretraining_data.py")
    if args.google_bert and not os.path.isfile(script):
        raise FileNotFoundError(
            f"--google_bert: expected {script}, but it does not exist. Get it with: "
            f"{_HOW_TO_GET_GOOGLE}."
        )
