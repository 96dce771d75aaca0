"""`mnemosyne meta-train`: learns Mnemosyne's meta-parameters on whole runs of many small tasks.

First the nominal rule is swept on every task. Then evolution tries settings on a few tasks at a
time, every run from scratch to its end, and keeps what lowers the regret against that sweep. Last
the result and the nominal rule run on all tasks from new seeds, and one line says which is ahead.
Run it again and it continues after the last finished meta-step.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

EXAMPLE = """example:
  mnemosyne meta-train --recipe copy_and_digits --output runs/meta
  mnemosyne meta-train --recipe full_runs --text 'novels/*' --fashion_mnist DIR --output runs/meta

The result is OUTPUT/meta_params.npz:  Mnemosyne(meta_params="runs/meta/meta_params.npz")"""


def build_parser() -> argparse.ArgumentParser:
    """Returns the command's arguments."""
    parser = argparse.ArgumentParser(
        prog="mnemosyne meta-train",
        description="Learn Mnemosyne's meta-parameters. Run again to continue.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--recipe", required=True, help="a shipped recipe's name or a YAML file")
    add("--output", required=True, help="folder of this meta-training")
    add("--text", metavar="GLOB", help="plain text, also .gz, .bz2, .xz, for tasks on text")
    add("--fashion_mnist", metavar="DIR", help="its four files (scikit-learn's digits without)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Meta-trains and returns 0 when the result is written."""
    args = build_parser().parse_args(argv)
    from pipeline.meta_training.settings import load_meta_recipe

    recipe = load_meta_recipe(args.recipe)
    from pipeline.meta_training.meta_training import MetaTraining

    training = MetaTraining(
        recipe, output=args.output, text=args.text, fashion_mnist=args.fashion_mnist
    )
    figures = training.run()
    print(
        "meta-train: mean regret {learned_regret:+.4f}, worst {learned_worst:+.4f}; nominal rule "
        "{nominal_regret:+.4f}, worst {nominal_worst:+.4f}; ".format(**figures)
        + f"{args.output}/meta_params.npz",
        file=sys.stdout,
    )
    return 0
