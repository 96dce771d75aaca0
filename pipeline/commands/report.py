"""`mnemosyne report`: writes one HTML page about folders of records, runs and scores."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

_EPILOG = """example:
  mnemosyne report runs/tiny/data runs/tiny/pretrain runs/tiny/glue --output report.html
  mnemosyne report runs/mnemosyne runs/adamw runs/lamb --output comparison.html

a folder is known by what it holds: manifest.json (records), run.json (a pre-training run, finished
or not), results.json (GLUE scores). Several runs are compared, in the order given: curves over
steps, tokens and seconds, final figures, hardware, and the settings in which they differ.
"""


def build_parser() -> argparse.ArgumentParser:
    """Returns the parser."""
    parser = argparse.ArgumentParser(
        prog="mnemosyne report",
        description="Write one self-contained HTML page about data, runs and scores.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("directories", nargs="+", metavar="DIR", help="output folder of a command")
    parser.add_argument("--output", default="report.html", metavar="FILE", help="%(default)s")
    parser.add_argument("--title", default="Pre-training report", help="%(default)s")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Writes the page and prints its path last; returns 0.

    Raises:
      FileNotFoundError: If a folder is missing.
      ValueError: If a folder is none of the three kinds, or a file is malformed.
      OSError: If the page cannot be written.
    """
    args = build_parser().parse_args(argv)
    # Only now: the plotting library takes a second, and --help needs none of it.
    from pipeline.report.page import write_page

    write_page(args.directories, output=args.output, title=args.title)
    print(os.path.abspath(args.output))
    return 0
