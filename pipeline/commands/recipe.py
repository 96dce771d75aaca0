"""`mnemosyne recipe`: prints a recipe, or the flags that it gives to one stage."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import yaml
from tabulate import tabulate

from data_prep.settings import to_flags
from pipeline.recipes import loader

# Settings of `prepare` that also decide which documents are held out.
_HELDOUT = ("heldout_fraction", "random_seed")


def stage_flags(recipe: loader.Recipe, stage: str) -> list[str]:
    """Returns `--key value ...` of the stage vocab, prepare, sample-tasks or glue."""
    if stage == "sample-tasks":
        return [
            text for key in _HELDOUT for text in (f"--{key}", str(getattr(recipe.prepare, key)))
        ]
    return to_flags(getattr(recipe, stage))


def _listing() -> str:
    """Every shipped recipe and its headline, an empty line between sizes of models."""
    rows, names = [], loader.recipe_names()
    for before, name in zip([None, *names], names, strict=False):
        if before and loader.size_of(before) != loader.size_of(name):
            rows.append(("", ""))
        rows.append((name, loader.headline(name)))
    return tabulate(rows, tablefmt="plain")


def main(argv: Sequence[str] | None = None) -> int:
    """Prints what was asked for."""
    parser = argparse.ArgumentParser(
        prog="mnemosyne recipe",
        description="Print a resolved recipe, or one stage's flags. Without a name: list them.",
        epilog="example: mnemosyne vocab --input FILES --output vocab.txt "
        "$(mnemosyne recipe bert_tiny_sample --flags vocab)",
    )
    parser.add_argument("name", nargs="?", help="a recipe's name or a YAML file")
    stages = ("vocab", "prepare", "sample-tasks", "glue")
    parser.add_argument("--flags", choices=stages, help="print the flags of one stage")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE")
    args = parser.parse_args(argv)
    if args.name is None:
        print(_listing())
        return 0
    recipe = loader.load_recipe(args.name, args.set)
    if args.flags:
        print(" ".join(stage_flags(recipe, args.flags)))
    else:
        print(yaml.safe_dump(recipe.to_dict(), sort_keys=False), end="")
    return 0
