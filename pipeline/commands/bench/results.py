"""`mnemosyne bench results`: writes the page and the picture of results from finished runs."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

_EPILOG = """example:
  mnemosyne bench results --runs docs/results/runs.jsonl --output docs/results.md \\
      --plot docs/results/loss_curves.png

Runs whose settings today's code would not make are left out."""


def main(argv: Sequence[str] | None = None) -> int:
    """Writes the page and returns 0.

    Raises:
        ValueError: there are no runs.
        FileNotFoundError: the folder of a file to write does not exist.
    """
    parser = argparse.ArgumentParser(
        prog="mnemosyne bench results",
        description="Write the page and the picture of results from finished runs.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--runs", required=True, metavar="PATH", help="file of finished runs, or its folder")
    add("--output", required=True, metavar="FILE.md", help="the page")
    add("--plot", metavar="FILE.png", help="held-out loss over steps of the BERTs")
    add(
        "--rekey",
        action="store_true",
        help="first give every run the settings of today's code; only where no number changed",
    )
    args = parser.parse_args(argv)
    from pipeline.lab.results import story

    if args.rekey:
        print(f"{args.runs}: {story.rekey(args.runs)} run(s) have new settings")
    story.run(runs=args.runs, output=args.output, plot=args.plot)
    return 0
