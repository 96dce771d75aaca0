"""`mnemosyne bench memory`: what the compact associative memory recalls of random patterns."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from pipeline.lab import figures_file

_PICTURES = (".png", ".svg", ".pdf")
_EPILOG = """example:
  mnemosyne bench memory --plot memory.png --output memory.json
  mnemosyne bench memory --num_features 32 128 512 --dimension 32 --length 1.4 --seeds 20

A pattern is a random unit vector, stored in the memory of the optimizer and queried with noise.
It is found when the answer resembles it more than any other stored pattern. softmax is exact
attention over all patterns kept one by one (a modern Hopfield network), which the memory
approximates in a size that does not grow. The optimizer keeps q and k at length 0.7; sharper
queries find more and need more random features.
"""


def build_parser() -> argparse.ArgumentParser:
    """Returns the flags of the suite."""
    parser = argparse.ArgumentParser(
        prog="mnemosyne bench memory",
        description="Store patterns in the compact associative memory and query it.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--plot", metavar="FILE.png", help="draw the sweeps here (.png, .svg, .pdf)")
    add("--output", metavar="FILE.json", help="also write all figures here")
    add("--num_features", type=int, nargs="+", default=[16, 64, 256], metavar="R",
        help="random features of the memories to compare, even (16 64 256)")  # fmt: skip
    add("--dimension", type=int, default=16, help="of the patterns (%(default)s)")
    add("--patterns", type=int, default=64, help="stored, where not swept (%(default)s)")
    add("--length", type=float, default=2.0, help="of q and k, where not swept (%(default)s)")
    add("--noise", type=float, default=0.5, help="length of a query's noise (%(default)s)")
    add("--tau", type=float, nargs="+", default=[0.0, 0.02, 0.1], metavar="TAU",
        help="discounts to compare (0 0.02 0.1)")  # fmt: skip
    add("--seeds", type=int, default=10, help="draws behind every error bar (%(default)s)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Measures, prints the table, draws the picture, writes the JSON; returns 0.

    Raises:
        ValueError: a flag makes no sense.
        FileNotFoundError: the folder of a file to write does not exist.
    """
    args = build_parser().parse_args(argv)
    _check(args)
    from pipeline.lab.memory import story

    story.run(
        num_features=sorted(set(args.num_features)),
        taus=sorted(set(args.tau)),
        dimension=args.dimension,
        patterns=args.patterns,
        length=args.length,
        noise=args.noise,
        seeds=args.seeds,
        plot=args.plot,
        output=args.output,
    )
    return 0


def _check(args: argparse.Namespace) -> None:
    for name, least in (("dimension", 2), ("patterns", 8), ("seeds", 2)):
        if getattr(args, name) < least:
            raise ValueError(f"--{name}: expected {least} or more, received {getattr(args, name)}.")
    for size in args.num_features:
        if size < 2 or size % 2:
            raise ValueError(
                f"--num_features: expected even numbers of 2 or more, received {size}. Each "
                "direction gives two features, e^(w.z) and e^(-w.z)."
            )
    # The features of longer vectors overflow float32 before they say anything.
    if not 0 < args.length <= 4:
        raise ValueError(f"--length: expected more than 0, at most 4, received {args.length}.")
    for name, values in (("noise", [args.noise]), ("tau", args.tau)):
        if min(values) < 0:
            raise ValueError(f"--{name}: expected 0 or more, received {min(values)}.")
    if args.plot and not args.plot.endswith(_PICTURES):
        raise ValueError(
            f"--plot: expected a file that ends in {', '.join(_PICTURES)}, received {args.plot}."
        )
    figures_file.check_folders({"plot": args.plot, "output": args.output})
