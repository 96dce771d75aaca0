"""`mnemosyne bench prompt`: prompt steps of large T5 models: real ones, or compiled for a TPU."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from pipeline.lab import figures_file
from pipeline.lab.tpu_topologies import TOPOLOGIES
from pipeline.optimizers.table import OPTIMIZER_TABLE

_SIZES = ("small", "base", "large", "xl", "xxl")
_EPILOG = """example:
  mnemosyne bench prompt --sizes small base --output prompt.json
  mnemosyne bench prompt --sizes small --trains prompt whole
  mnemosyne bench prompt --sizes xxl --tpu v6e --rows 4 --output xxl.json

Weights are random. Each row of the table takes two steps in a process of its own: one that
compiles, and one whose peak memory and time count. A prompt has frozen weights in bfloat16; a model
that trains as a whole keeps its weights in float32 and computes in bfloat16. "held" is what is
resident before the step. What does not fit into the free memory is not begun.

--tpu compiles the prompt step for one chip of this generation, which need not be there; no weight
is allocated and nothing runs. Needs the extra: pip install 'mnemosyne-bert[tpu]'.
"""


def build_parser() -> argparse.ArgumentParser:
    """Returns the flags of the suite."""
    parser = argparse.ArgumentParser(
        prog="mnemosyne bench prompt",
        description="Measure prompt steps of T5 models of published sizes.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--sizes", nargs="+", choices=_SIZES, default=["small"], help="of the T5 (small)")
    add(
        "--optimizers",
        nargs="+",
        choices=OPTIMIZER_TABLE,
        metavar="NAME",
        default=["mnemosyne", "adamw"],
        help="as in a recipe (mnemosyne adamw)",
    )
    add("--trains", nargs="+", choices=("prompt", "whole"), default=["prompt"], help="(prompt)")
    add("--rows", type=int, default=1, help="examples a step (%(default)s)")
    add("--text", type=int, default=128, help="tokens of a text (%(default)s)")
    add("--answer", type=int, default=16, help="tokens of an answer (%(default)s)")
    add("--prompt", type=int, default=100, help="vectors of the prompt (%(default)s)")
    add(
        "--tpu", choices=tuple(TOPOLOGIES), help="compile a prompt step for this generation instead"
    )
    add("--output", metavar="FILE.json", help="also write all figures here")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Measures or compiles, prints the table, writes the JSON; returns 0.

    Raises:
        ValueError: a flag makes no sense, or the packages of the extra are not installed.
        FileNotFoundError: the folder of the file does not exist.
    """
    args = build_parser().parse_args(argv)
    sizes = {name: getattr(args, name) for name in ("rows", "text", "answer", "prompt")}
    for name, value in sizes.items():
        if value < 1:
            raise ValueError(f"--{name}: expected at least 1, received {value}.")
    if args.tpu and args.trains != ["prompt"]:
        raise ValueError("--tpu: expected --trains prompt, received whole.")
    figures_file.check_folders({"output": args.output})
    if args.tpu:
        from pipeline.lab.prompt_scale import tpu
        from pipeline.lab.prompt_scale.prompt_program import PromptBatch

        batch = PromptBatch(**sizes)
        tpu.run(args.sizes, args.optimizers, tpu=args.tpu, batch=batch, output=args.output)
        return 0
    from pipeline.lab.prompt_scale import story

    story.run(args.sizes, args.optimizers, args.trains, output=args.output, **sizes)
    return 0
