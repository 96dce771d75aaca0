"""`mnemosyne bench SUITE`: measures, beside others where there are any, and writes JSON."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence

SUITES = {"prepare": "pipeline.benchmarks.prepare"}

_EPILOG = """example:
  mnemosyne bench prepare --help
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the suite named first and returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="mnemosyne bench",
        description="Measure, beside others where there are any.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("suite", choices=SUITES, help="prepare: records made per core second")
    parser.add_argument("flags", nargs=argparse.REMAINDER, help="of the suite")
    args = parser.parse_args(argv)
    return importlib.import_module(SUITES[args.suite]).main(args.flags)
