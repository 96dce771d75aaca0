"""`mnemosyne import`: turns another library's BERT into a model folder."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

_EPILOG = """example:
  mnemosyne import --input bert-base-uncased/ --output models/base
  mnemosyne glue --checkpoint models/base --glue_dir glue_data/ --output runs/glue
  mnemosyne pretrain ... --set train.initial_run=models/base

read are folders of Hugging Face (config.json, model.safetensors, vocab.txt or tokenizer.json),
Google (bert_config.json, bert_model.ckpt.*, vocab.txt) and TensorFlow Model Garden (the same with
its names), recognised by their files. Nothing is unpickled: pytorch_model.bin is refused.
"""


def build_parser() -> argparse.ArgumentParser:
    """Returns the parser."""
    parser = argparse.ArgumentParser(
        prog="mnemosyne import",
        description="Import the weights and the tokenizer of a BERT from another library.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--input",
        required=True,
        metavar="PATH",
        help="its folder, or DIR/NAME for the TensorFlow checkpoint NAME.index in it",
    )
    add("--output", required=True, metavar="DIR", help="a new folder, for the model")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Imports one model; returns 0.

    Raises:
      FileNotFoundError: If a file is missing.
      ValueError: If a file does not fit; the message names file and tensor.
    """
    args = build_parser().parse_args(argv)
    # Only now: TensorFlow takes seconds, and --help and bad flags need none of it.
    from pipeline.weights.import_model import import_model

    model = import_model(args.input, args.output)
    for note in model.notes:
        print(f"import: note: {note}")
    for part in model.description.absent:
        print(f"import: note: {part.rstrip('/')} has no weights in the origin")
    config, casing = model.config, "lower-cased" if model.do_lower_case else "cased"
    print(
        f"import: {model.description.origin}: {model.description.kind} of {config.num_layers} "
        f"layers, width {config.hidden_dim}, {config.vocab_size:,} {casing} word pieces -> "
        f"{args.output}"
    )
    return 0
