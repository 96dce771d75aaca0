"""`mnemosyne export`: writes a model for another library."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from pipeline.weights.export.formats import FORMATS

_EPILOG = """example:
  mnemosyne export --checkpoint runs/tiny/pretrain --format huggingface --output exported/

huggingface  config.json, model.safetensors, tokenizer files: AutoModel.from_pretrained(DIR)
google       bert_config.json, bert_model.ckpt.*, vocab.txt: --init_checkpoint=DIR/bert_model.ckpt
onnx         model.onnx, ids in, and tokenizer files; needs the extra onnx
savedmodel   a TensorFlow SavedModel with the tokenizer inside: strings or pairs of strings in

Every folder gets a README.md, the model card.
"""


def build_parser() -> argparse.ArgumentParser:
    """Returns the parser."""
    parser = argparse.ArgumentParser(
        prog="mnemosyne export",
        description="Export a run, an imported model or a fine-tuned task to another library.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--checkpoint",
        required=True,
        metavar="DIR",
        help="a run, RUN/checkpoints/ckpt-STEP, RUN/checkpoints/best, or a model folder",
    )
    add("--format", required=True, choices=tuple(FORMATS), help="see below")
    add("--output", required=True, metavar="DIR", help="a new folder, for the export")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Exports one model; returns 0.

    Raises:
      FileNotFoundError: If there is no such model.
      ValueError: If it is damaged, or the output folder is not empty.
    """
    args = build_parser().parse_args(argv)
    # Only now: TensorFlow takes seconds, and --help and bad flags need none of it.
    from pipeline.weights.export.export_model import export_model

    model = export_model(args.checkpoint, args.output, args.format)
    for note in model.notes:
        print(f"export: note: {note}")
    print(f"export: {model.description.kind} as {args.format} -> {args.output}")
    return 0
