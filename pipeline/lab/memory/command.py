"""`mnemosyne bench memory`: what the compact associative memory recalls of random patterns."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipeline.lab import figures_file

if TYPE_CHECKING:
    from pipeline.lab.memory.sweeps import Row

_VERSIONS_OF = ("tensorflow", "numpy", "matplotlib")
_PICTURES = (".png", ".svg", ".pdf")
_EPILOG = """example:
  mnemosyne bench memory --plot memory.png --output memory.json
  mnemosyne bench memory --num_features 32 128 512 --dimension 32 --length 1.4 --seeds 20

A pattern is a random unit vector, stored in the memory of the optimizer and asked for with noise
on it. It is found when the answer resembles it more than any other pattern stored. softmax is
exact attention over all patterns kept one by one (a modern Hopfield network), which the memory
approximates in a size that does not grow. The optimizer keeps q and k at length 0.7; sharper
queries find more and need more random features.
"""


def build_parser() -> argparse.ArgumentParser:
    """The flags of the suite."""
    parser = argparse.ArgumentParser(
        prog="mnemosyne bench memory",
        description="Store patterns in the compact associative memory and ask for them.",
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
    """Prints the table, draws the picture, writes the JSON; returns 0.

    Raises:
        ValueError: a flag makes no sense.
        FileNotFoundError: the folder of a file to write is not there.
    """
    args = build_parser().parse_args(argv)
    _check(args)
    # After the flags: --help must not wait for TensorFlow.
    from pipeline.lab.memory.recall import Setting
    from pipeline.lab.memory.sweeps import Sweeps

    start = time.perf_counter()
    # The first two are placeholders: every sweep sets its own.
    base = Setting(args.dimension, args.num_features[0], args.length, noise=args.noise)
    sweeps = Sweeps(base, sorted(set(args.num_features)), sorted(set(args.tau)),
                    patterns=args.patterns, seeds=args.seeds).run()  # fmt: skip
    seconds = time.perf_counter() - start
    print(table(sweeps))
    if args.plot:
        from pipeline.lab.memory import plots

        plots.save(args.plot, sweeps, heading=_heading(args))
    if args.output:
        content = {
            "suite": "memory", "settings": vars(args), "seconds": seconds, "sweeps": sweeps
        }  # fmt: skip
        figures_file.save(args.output, content, versions_of=_VERSIONS_OF)
    written = [path for path in (args.plot, args.output) if path]
    print(f"{seconds:.0f} s" + (f"; written: {', '.join(written)}" if written else ""))
    print(last_line(sweeps))
    return 0


def table(sweeps: Mapping[str, Sequence[Row]]) -> str:
    """Returns the deviation of the kernel by S, and the patterns found by number stored."""
    squares = sorted({row["s"] for row in sweeps["kernel"]})
    lines = ["relative deviation of the kernel: measured / sqrt((e^S - 2 + e^-S) / r)"]
    lines.append(f"{'S = |q + k|^2':<14}" + "".join(f"{square:>16g}" for square in squares))
    for size, rows in _by(sweeps["kernel"], "num_features"):
        cells = (f"{row['independent']['mean']:.3f} / {row['predicted']:.3f}" for row in rows)
        lines.append(f"r = {size:<10}" + "".join(f"{cell:>16}" for cell in cells))
    counts = sorted({row["patterns"] for row in sweeps["counts"]})
    lines.append("patterns found, in percent")
    lines.append(f"{'stored':<10}" + "".join(f"{count:>11}" for count in counts))
    for size, rows in _by(sweeps["counts"], "num_features"):
        lines.append(f"r = {size:<6}" + "".join(f"{_percent(row['found']):>11}" for row in rows))
    lines.append(f"{'softmax':<10}" + "".join(f"{_percent(r['found_exactly']):>11}" for r in rows))
    return "\n".join(lines)


def last_line(sweeps: Mapping[str, Sequence[Row]]) -> str:
    """Returns how far theory and measurement part, and how many patterns are mostly found."""
    apart = max(
        abs(row["independent"]["mean"] / row["predicted"] - 1.0) for row in sweeps["kernel"]
    )
    held = ", ".join(
        f"{_half_found(rows, 'found')} with r = {size}"
        for size, rows in _by(sweeps["counts"], "num_features")
    )
    softmax = _half_found(sweeps["counts"], "found_exactly")
    return (
        f"kernel within {apart:.0%} of its theory; at least half of the patterns found up to "
        f"{held}, {softmax} with softmax (of {sweeps['counts'][-1]['patterns']} tried)"
    )


def _half_found(rows: Sequence[Row], key: str) -> int:
    """The largest number stored of which, as of every smaller one, half or more are found."""
    largest = 0
    for row in sorted(rows, key=lambda each: each["patterns"]):
        if row[key]["mean"] < 0.5:
            break
        largest = row["patterns"]
    return largest


def _by(rows: Sequence[Row], key: str) -> list[tuple[Any, list[Row]]]:
    return [
        (value, [row for row in rows if row[key] == value])
        for value in sorted({row[key] for row in rows})
    ]


def _percent(share: Mapping[str, float]) -> str:
    return f"{100 * share['mean']:.0f} +- {100 * share['std']:.0f}"


def _heading(args: argparse.Namespace) -> str:
    return (
        "What a compact associative memory recalls, beside softmax attention over all it was told\n"
        f"Random patterns of length 1, asked for with noise of length {args.noise:g}; error bars: "
        f"one standard deviation over {args.seeds} seeds"
    )


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
    figures_file.check_folders(args, ("plot", "output"))
