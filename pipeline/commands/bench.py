"""`mnemosyne bench SUITE`: measures, beside others where there are any, and writes JSON."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence

SUITES = {
    "prepare": ("pipeline.lab.prepare.command", "records made per core second"),
    "memory": ("pipeline.lab.memory.command", "patterns recalled by the optimizer's memory"),
    "optimizer": ("pipeline.lab.races.optimizer", "cost of an update beside a fused AdamW"),
}

_EPILOG = """example:
  mnemosyne bench prepare --help
  mnemosyne bench memory --plot memory.png
  mnemosyne bench optimizer --cost
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the suite named first and returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="mnemosyne bench",
        description="Measure, beside others where there are any.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    purposes = "; ".join(f"{suite}: {purpose}" for suite, (_, purpose) in SUITES.items())
    parser.add_argument("suite", choices=SUITES, help=purposes)
    parser.add_argument("flags", nargs=argparse.REMAINDER, help="of the suite")
    args = parser.parse_args(argv)
    return importlib.import_module(SUITES[args.suite][0]).main(args.flags)
