"""`mnemosyne bench vit_race`: optimizers on vision transformers, compared by accuracy."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from pipeline.commands.bench import race_flags

_EPILOG = """example:
  mnemosyne bench vit_race
  mnemosyne bench vit_race --weights vit_s_focus.onnx --fashion_mnist DIR --textile DIR \\
      --runs vit_runs.jsonl --output vit_race.json

Trained are a ViT-Ti from random weights on scikit-learn's digits, and all of the model of --weights
on 500 images of Fashion-MNIST and on 400 of the package conformal-clip-data (its folder
data/textile_images/simulated). AdamW and SGD with momentum run at six rates from --sweep_seeds
seeds; where the best accuracy stands at an end, the sweep continues. The best rate then runs from
all --seeds. Mnemosyne has no rate to set. Finished runs are never made again; all of them take
about 70 minutes of one core."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the comparison and returns 0.

    Raises:
      ValueError: a flag makes no sense.
      FileNotFoundError: a file or folder does not exist.
    """
    parser = argparse.ArgumentParser(
        prog="mnemosyne bench vit_race",
        description="Compare Mnemosyne, untuned, with AdamW and SGD on vision transformers.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--weights", metavar="FILE", help="as of `mnemosyne vit`; for the two tasks below")
    add("--fashion_mnist", metavar="DIR", help="folder of its four files (left out)")
    add("--textile", metavar="DIR", help="folder of three class folders (left out)")
    race_flags.add_runs(parser)
    add("--output", metavar="FILE.json", help="also write all figures here")
    args = parser.parse_args(argv)
    for name in ("seeds", "sweep_seeds"):
        if getattr(args, name) < 1:
            raise ValueError(f"--{name}: expected 1 or more, received {getattr(args, name)}.")
    from pipeline.lab import figures_file
    from pipeline.lab.vit_race import story

    figures_file.check_folders({"output": args.output})
    story.run(**vars(args))
    return 0
