"""`mnemosyne bench vit`: real steps of large vision transformers, their memory and their time."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from pipeline.lab import figures_file
from pipeline.lab.tpu_topologies import TOPOLOGIES
from pipeline.optimizers.table import OPTIMIZER_TABLE
from pipeline.vision.settings import PRECISIONS, SIZES

_EPILOG = """example:
  mnemosyne bench vit --sizes L/16 --output vit.json
  mnemosyne bench vit --sizes H/14-36 --optimizers mnemosyne --recompute
  mnemosyne bench vit --tpu v5e --sizes L/16 --batch_size 32 --precision bfloat16

Each size and optimizer takes steps of fine-tuning with everything trained, in a process of its own:
one that compiles, one whose peak memory is measured, and more for --repeats (the shortest time
counts). "held" is what is resident after the step: weights, state, the programs, and buffers that
TensorFlow has not returned; "peak" is the most that was resident during it; "times its weights" is
the peak over 4 bytes a weight; "update" is the part of a step that is not the gradients. What does
not fit into the free memory is not begun. With --repeats 0 one step is made, whose time and memory
are those of compiling, too.

With --tpu no step is made: it is compiled for that TPU, which need not be there, and the memory of
a chip is printed (pip install 'mnemosyne-bert[tpu]').
"""


def build_parser() -> argparse.ArgumentParser:
    """Returns the flags of the suite."""
    parser = argparse.ArgumentParser(
        prog="mnemosyne bench vit",
        description="Measure real training steps of large vision transformers.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--sizes", nargs="+", choices=SIZES, default=["L/16"], help="of the model (L/16)")
    add(
        "--optimizers",
        nargs="+",
        choices=OPTIMIZER_TABLE,
        metavar="NAME",
        default=["mnemosyne", "adamw", "sgd"],
        help="as in a recipe (mnemosyne adamw sgd)",
    )
    add("--batch_size", type=int, default=1, help="images a step (%(default)s)")
    add("--resolution", type=int, default=224, help="pixels of a side (%(default)s)")
    add("--precision", choices=PRECISIONS, default="float32", help="of layers (%(default)s)")
    add("--recompute", action="store_true", help="compute blocks again in the backward pass")
    add("--repeats", type=int, default=1, help="steps behind each time; 0: see below (%(default)s)")
    add("--tpu", choices=tuple(TOPOLOGIES), help="compile for this TPU and make no step")
    add("--output", metavar="FILE.json", help="also write all figures here")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Measures, prints the table, writes the JSON; returns 0.

    Raises:
        ValueError: a flag makes no sense.
        FileNotFoundError: the folder of the file does not exist.
    """
    args = build_parser().parse_args(argv)
    for name, least in (("batch_size", 1), ("resolution", 1), ("repeats", 0)):
        if getattr(args, name) < least:
            raise ValueError(
                f"--{name}: expected at least {least}, received {getattr(args, name)}."
            )
    figures_file.check_folders({"output": args.output})
    flags = vars(args)
    if args.tpu:
        from pipeline.lab.vit_scale import tpu

        tpu.run(**flags)
        return 0
    from pipeline.lab.vit_scale import story

    del flags["tpu"]
    story.run(**flags)
    return 0
