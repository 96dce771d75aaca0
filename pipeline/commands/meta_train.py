"""`mnemosyne meta-train`: learns the meta-parameters of optimizers on many small outer tasks.

First the nominal rule is swept on every task. Then evolution tries settings of Mnemosyne on a few
tasks at a time, every run from scratch to its end, and moves to what lowers the regret against that
sweep; or, where the recipe names an `optimizer`, all numbers of a fully learned one are trained by
gradients, and the set that is best on full unrolls is kept; or, where it names `levers`, what moves
them is trained by persistent evolution strategies. Last, the result trains all tasks from
new seeds, and a line compares it with the nominal rule. Run it again and it continues.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence

EXAMPLE = """example:
  mnemosyne meta-train --recipe copy_and_digits --output runs/meta
  mnemosyne meta-train --recipe learned_cam --output runs/cam
  mnemosyne meta-train --recipe memory_pes --text 'novels/[A-F]*::file' --output runs/memory
  mnemosyne meta-train --recipe decay_delay --text 'novels/*.txt::file' --output runs/decay_delay
  mnemosyne meta-train --recipe decay_delay --seed 1 --text 'novels/*.txt::file' --output runs/seed1

The result is OUTPUT/meta_params.npz:  Mnemosyne(meta_params="runs/meta/meta_params.npz"), for the
recipe learned_lstm CoordinatewiseLSTM(meta_params=...), for learned_rnnprop RNNprop(...). Whether
it, or one of OUTPUT/checkpoints, may be released:
  mnemosyne bench gate --candidate FILE.npz"""


def build_parser() -> argparse.ArgumentParser:
    """Returns the command's arguments."""
    parser = argparse.ArgumentParser(
        prog="mnemosyne meta-train",
        description="Learn the meta-parameters of an optimizer. Run again to continue.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--recipe",
        required=True,
        help="name, see docs/meta_training.md, or YAML file",
    )
    add("--output", required=True, help="folder of this meta-training")
    add("--seed", type=int, help="in place of the recipe's")
    add("--text", metavar="GLOB", help="of tasks on text, as --input of prepare, or sotu")
    add("--fashion_mnist", metavar="DIR", help="its four files (scikit-learn's digits without)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Meta-trains and returns 0 when the result is written."""
    args = build_parser().parse_args(argv)
    from pipeline.lab.meta_training.pes.settings import PesRecipe
    from pipeline.lab.meta_training.recipe_file import load_meta_recipe
    from pipeline.lab.meta_training.settings import MetaRecipe

    recipe = load_meta_recipe(args.recipe, args.seed)
    if isinstance(recipe, PesRecipe):
        from pipeline.lab.meta_training.pes.story import PesTraining as Training
    elif isinstance(recipe, MetaRecipe):
        from pipeline.lab.meta_training.evolution.story import MetaTraining as Training
    else:
        from pipeline.lab.meta_training.backprop.story import LearnedTraining as Training
    training = Training(
        recipe, output=args.output, text=args.text, fashion_mnist=args.fashion_mnist
    )
    figures = training.run()
    print(
        "meta-train: mean regret {learned_regret:+.4f}, worst {learned_worst:+.4f}; ".format(
            **figures
        )
        + _baseline(figures)
        + f"; {args.output}/meta_params.npz",
        file=sys.stdout,
    )
    return 0


def _baseline(figures: Mapping) -> str:
    """The figures to compare with: the nominal rule's regret, or final losses by task."""
    if "nominal_regret" in figures:
        return "nominal rule {nominal_regret:+.4f}, worst {nominal_worst:+.4f}".format(**figures)
    return "; ".join(
        f"{name} {{learned:.4f}}, nominal {{nominal:.4f}}, elementwise {{elementwise:.4f}}".format(
            **losses
        )
        for name, losses in figures["tasks"].items()
    )
