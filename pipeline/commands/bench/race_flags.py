"""Flags that the comparisons of optimizers share."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.lab.races.settings import RaceSettings

_SHARED = ("seeds", "sweep_seeds", "runs", "records", "output")


def parser(suite: str, description: str, epilog: str) -> argparse.ArgumentParser:
    """Returns a parser with the flags that every comparison has."""
    made = argparse.ArgumentParser(
        prog=f"mnemosyne bench {suite}",
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_runs(made)
    add = made.add_argument
    add(
        "--records",
        metavar="DIR",
        default="races",
        help="where records of the texts are kept (%(default)s)",
    )
    add("--output", metavar="FILE.json", help="also write all figures here")
    return made


def add_runs(made: argparse.ArgumentParser) -> None:
    """Adds --seeds, --sweep_seeds and --runs."""
    add = made.add_argument
    add("--seeds", type=int, default=3, help="runs at the best rate (%(default)s)")
    add("--sweep_seeds", type=int, default=1, help="runs at every other rate (%(default)s)")
    add(
        "--runs",
        metavar="PATH",
        default="races",
        help="file of finished runs (.jsonl), or its folder: read, and added to (%(default)s)",
    )


def add_texts(made: argparse.ArgumentParser, help: str) -> None:
    """Adds --text."""
    made.add_argument("--text", nargs="+", default=[], metavar="GLOB[::LAYOUT]", help=help)


def add_images(made: argparse.ArgumentParser) -> None:
    """Adds --fashion_mnist."""
    made.add_argument(
        "--fashion_mnist",
        metavar="DIR",
        help="folder of its four files (scikit-learn's digits)",
    )


def add_candidates(made: argparse.ArgumentParser) -> None:
    """Adds --candidate, repeatable."""
    made.add_argument(
        "--candidate",
        action="append",
        default=[],
        metavar="FILE.npz",
        help="meta-parameters of Mnemosyne or of an LSTM optimizer to compare, too; repeatable",
    )


def add_plot(made: argparse.ArgumentParser) -> None:
    """Adds --plot."""
    made.add_argument(
        "--plot", metavar="FILE.png", help="draw curves, steps to AdamW's loss and sweeps here"
    )


def settings_of(args: argparse.Namespace) -> RaceSettings:
    """Returns the settings of a comparison; TensorFlow is not imported."""
    from pipeline.lab.races.settings import RaceSettings

    given = {name: getattr(args, name) for name in _SHARED}
    optional = {
        name: getattr(args, name) for name in ("fashion_mnist", "plot") if hasattr(args, name)
    }
    return RaceSettings(text=tuple(args.text), **given, **optional)
