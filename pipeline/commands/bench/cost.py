"""`mnemosyne bench cost`: what an update costs, or what a step takes when compiled for a TPU."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from pipeline.lab import figures_file
from pipeline.lab.tpu_topologies import TOPOLOGIES

_SIZES = ("tiny", "mini", "small", "medium", "base", "large")
_EPILOG = """example:
  taskset -c 0 mnemosyne bench cost
  mnemosyne bench cost --sizes tiny mini base --output cost.json
  mnemosyne bench cost --levers --no_share --variants default
  mnemosyne bench cost --tpu v5e --sizes tiny base --variants default

Times are CPU seconds of one process, the median of --repeats updates taken in turn; taskset keeps
them to one core. "trained heads" are random ones, which cost what trained ones would; behind the
released heads of zeros encoder and memory are left out. Variants: default; no orthogonalisation;
trained heads; trained heads, no orthogonalisation; trained heads, no memory; trained heads,
performer (by name only); trained heads, coordinate-wise; and the rows of --levers. What would
exceed --max_minutes at the measured rate of products, --max_gb or --max_state_gb is left out, and
the table says so.
The fraction of a BERT-base step comes from timing one variable of each kind and from the
floating-point operations of the step at the measured rate of products; no whole step is run.

--tpu compiles one step of 16 x 128 tokens for a TPU that need not be there, with "trained heads" if
no variant is named; nothing runs. Needs the extra: pip install 'mnemosyne-bert[tpu]'."""


def build_parser() -> argparse.ArgumentParser:
    """Returns the flags of the suite."""
    parser = argparse.ArgumentParser(
        prog="mnemosyne bench cost",
        description="Measure updates of Mnemosyne next to a fused AdamW.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--sizes", nargs="+", choices=_SIZES, default=["tiny"], help="of BERT (tiny)")
    add("--variants", nargs="+", default=[], metavar="NAME", help="see below (most of them)")
    add("--repeats", type=int, default=5, help="updates behind each median (%(default)s)")
    add("--max_minutes", type=float, default=5, help="of a size, at peak rate (%(default)s)")
    add("--max_gb", type=float, default=12, help="of a size, all of it together (%(default)s)")
    add("--max_state_gb", type=float, default=2, help="of one variant's state (%(default)s)")
    add("--no_share", action="store_true", help="leave out the fraction of a BERT-base step")
    add("--levers", action="store_true", help="also what makes the orthogonalisation cheaper")
    add("--tpu", choices=tuple(TOPOLOGIES), help="compile a step for this generation instead")
    add("--output", metavar="FILE.json", help="also write all figures here")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Measures and returns 0.

    Raises:
        ValueError: a flag makes no sense, or the packages of the extra are not installed.
        FileNotFoundError: the folder of the file to write does not exist.
    """
    args = build_parser().parse_args(argv)
    figures_file.check_folders({"output": args.output})
    if args.repeats < 1:
        raise ValueError(f"--repeats: expected at least 1, received {args.repeats}.")
    if args.tpu:
        from pipeline.lab.cost import tpu_aot

        tpu_aot.run(args.sizes, tpu=args.tpu, output=args.output, variants=args.variants)
        return 0
    from pipeline.lab.cost import limits, story

    story.run(
        args.sizes,
        variants=args.variants,
        repeats=args.repeats,
        limits=limits.Limits(args.max_minutes, args.max_gb, args.max_state_gb),
        with_share=not args.no_share,
        with_levers=args.levers,
        output=args.output,
    )
    return 0
