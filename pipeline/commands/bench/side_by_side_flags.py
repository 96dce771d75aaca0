"""Flags that the benches of programs side by side share."""

from __future__ import annotations

import argparse
from collections.abc import Sequence


def parser(suite: str, description: str, epilog: str) -> argparse.ArgumentParser:
    """Returns a parser without flags."""
    return argparse.ArgumentParser(
        prog=f"mnemosyne bench {suite}",
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def add_peers(made: argparse.ArgumentParser, names: Sequence[str]) -> None:
    """Adds a flag for the Python of each library."""
    for name in names:
        made.add_argument(f"--{name}", metavar="PYTHON", help="see below (not measured)")


def add_turns(made: argparse.ArgumentParser, *, rounds: int, steps: int) -> None:
    """Adds --mnemosyne, --rounds, --steps and --core.

    Args:
        made: the parser.
        rounds, steps: defaults.
    """
    add = made.add_argument
    add("--mnemosyne", action="store_true", help="measure ours with the optimizer Mnemosyne, too")
    add("--rounds", type=int, default=rounds, help="turns behind each median (%(default)s)")
    add("--steps", type=int, default=steps, help="of a turn (%(default)s)")
    add("--core", type=int, help="number of the one core to use (the last one)")


def add_output(made: argparse.ArgumentParser) -> None:
    """Adds --output."""
    made.add_argument("--output", metavar="FILE.json", help="also write all figures here")


def check_at_least_1(args: argparse.Namespace, *names: str) -> None:
    """Checks flags that count something.

    Raises:
        ValueError: one is below 1.
    """
    for name in names:
        if getattr(args, name) < 1:
            raise ValueError(f"--{name}: expected at least 1, received {getattr(args, name)}.")
