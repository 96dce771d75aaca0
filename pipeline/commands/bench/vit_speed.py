"""`mnemosyne bench vit_speed`: images fine-tuned per CPU second, ours and other libraries'."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from pipeline.commands.bench import side_by_side_flags
from pipeline.lab import figures_file
from pipeline.lab.side_by_side import peers
from pipeline.vision.settings import SIZES

_PEERS = ("keras_hub", "hf_tf")
_EPILOG = f"""example:
  mnemosyne bench vit_speed --sizes Ti/16 S/16 --keras_hub peers/keras_hub/bin/python

Every program trains the same vision transformer with random weights and AdamW on the same random
images, on one core, as its users do. All are alive at the same time and make --steps steps in turn.
CPU time counts, user and system; ratios are of turns of the same round. The row "our images alone"
is what it takes to make our batches, cropped and mirrored as by default, without a step.

{peers.how_to_get(*_PEERS)}
"""


def build_parser() -> argparse.ArgumentParser:
    """Returns the flags of the suite."""
    parser = side_by_side_flags.parser(
        "vit_speed", "Compare fine-tuning of vision transformers by CPU time.", _EPILOG
    )
    add = parser.add_argument
    add("--sizes", nargs="+", choices=SIZES, default=["Ti/16"], help="of models (Ti/16)")
    add("--resolution", type=int, default=224, help="pixels of a side (%(default)s)")
    add("--batch_size", type=int, default=8, help="images a step (%(default)s)")
    side_by_side_flags.add_peers(parser, _PEERS)
    side_by_side_flags.add_turns(parser, rounds=5, steps=4)
    side_by_side_flags.add_output(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Measures, prints the tables, writes the JSON; returns 0.

    Raises:
        ValueError: a flag makes no sense, a program failed or trains something else.
        FileNotFoundError: a Python or a folder does not exist.
    """
    args = build_parser().parse_args(argv)
    _check(args)
    from pipeline.lab.vit_speed import story

    flags = vars(args)
    output = flags.pop("output")
    story.run(story.Settings(**flags), output)
    return 0


def _check(args: argparse.Namespace) -> None:
    figures_file.check_folders({"output": args.output})
    side_by_side_flags.check_at_least_1(args, "resolution", "batch_size", "rounds", "steps")
    peers.check(args)
